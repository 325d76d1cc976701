"""Calls of models and tools, recorded as the orchestrator records them, beside a mesh that runs."""

import contextlib
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

from services.mesh.errors import AdjutantError
from services.mesh.store import open_store_for
from services.orchestrator.app import COLLECTIONS
from services.orchestrator.chat.session import SESSIONS, SessionRecord
from services.orchestrator.models.port import (
    CallScope,
    ModelMessage,
    ModelRequest,
    RecordedModelCall,
    RecordedToolCall,
    Role,
    StopReason,
    ToolCall,
    ToolSpec,
    Usage,
)
from services.orchestrator.settings import OrchestratorSettings
from services.orchestrator.traces.recorder import TraceRecorder
from services.orchestrator.usage.prices import ModelPrice, Prices

BEGIN: Final = datetime(2026, 1, 31, 12, 0, 0, 123456, tzinfo=UTC)
PRICES: Final = {"ollama/llama3": ModelPrice(input=Decimal(0), output=Decimal(1))}
"""A token that comes out costs a millionth of a dollar."""
SEARCH: Final = ToolCall("call-1", "search", {"query": "bikes", "api_key": "hunter2"})


@contextlib.asynccontextmanager
async def recording(
    data_dir: Path, project: str = "clients/acme/projects/web", **settings: Any
) -> AsyncIterator[TraceRecorder]:
    """Open a recorder on a mesh's records, as one more replica of the orchestrator would.

    The project has session `s1`, of `users/ada`, from then on.
    """
    options = OrchestratorSettings(data_dir=data_dir, **settings)
    store = await open_store_for(options, COLLECTIONS)
    with contextlib.suppress(AdjutantError):  # it is there already
        await store.insert(SESSIONS, _session(project))
    exporting = (lambda: None) if options.mlflow_tracking_uri else None
    try:
        yield TraceRecorder(store, options, Prices(PRICES), on_export_due=exporting)
    finally:
        await store.close()


def _session(project: str) -> SessionRecord:
    name = f"{project}/sessions/s1"
    return SessionRecord(name=name, create_time=BEGIN, update_time=BEGIN, user="users/ada")


def scope_of(project: str, response: str = "", **fields: str) -> CallScope:
    """Return the scope of a response of session `s1`, of `users/ada` unless it says otherwise."""
    values = {"principal": "users/ada", "agent": "planner", **fields}
    if response:
        session = f"{project}/sessions/s1"
        values |= {"session": session, "response": f"{session}/responses/{response}"}
    return CallScope(project=project, **values)


def model_call(call_id: str = "call-1", after_s: float = 0, **fields: Any) -> RecordedModelCall:
    """Return a call of a model that took half a second, its first token a fifth of that."""
    start = BEGIN + timedelta(seconds=after_s)
    request = ModelRequest(
        messages=(
            ModelMessage(Role.SYSTEM, "Help."),
            ModelMessage(Role.USER, "Where are the bikes?"),
        ),
        tools=(ToolSpec("search", "Looks for things.", {"type": "object"}),),
    )
    values: dict[str, Any] = {
        "provider": "ollama",
        "model": "llama3",
        "selection_reason": "4k tier: about 900 tokens",
        "request": request,
        "text": "I look.",
        "tool_calls": (SEARCH,),
        "usage": Usage(input_tokens=40, output_tokens=7, cached_input_tokens=10),
        "stop_reason": StopReason.TOOL_CALLS,
        "answering_model": "llama3-of-may",
        **fields,
    }
    return RecordedModelCall(
        call_id=call_id,
        start_time=start,
        first_token_time=start + timedelta(seconds=0.1),
        end_time=start + timedelta(seconds=0.5),
        **values,
    )


def tool_call(call_id: str = "run-1", after_s: float = 1, **fields: Any) -> RecordedToolCall:
    """Return a call of a tool that took a quarter of a second."""
    start = BEGIN + timedelta(seconds=after_s)
    values: dict[str, Any] = {"call": SEARCH, "result": "In the cellar.", **fields}
    end = start + timedelta(seconds=0.25)
    return RecordedToolCall(call_id=call_id, start_time=start, end_time=end, **values)
