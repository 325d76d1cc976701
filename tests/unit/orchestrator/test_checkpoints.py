"""Checkpoints on each store: whoever lost a task never decides how it goes on."""

import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from langgraph.checkpoint.base import Checkpoint, empty_checkpoint
from langgraph.checkpoint.serde.types import RESUME

from services.mesh.errors import AdjutantError
from services.mesh.store import Store, open_store_for
from services.orchestrator.adapters.checkpoints import Checkpoints, open_checkpoints
from services.orchestrator.settings import OrchestratorSettings

THREAD = "clients/acme/projects/web/tasks/t"
OpenSaver = Callable[[], Awaitable[Checkpoints]]


@pytest.fixture(params=["sqlite", "mongo"])
def settings(request: pytest.FixtureRequest, tmp_path: Path) -> OrchestratorSettings:
    values: dict[str, Any] = {"store": "sqlite"}
    if request.param == "mongo":
        values = request.getfixturevalue("mongo_settings")
    return OrchestratorSettings.model_validate({"data_dir": tmp_path, **values})


@pytest.fixture
async def open_saver(settings: OrchestratorSettings) -> AsyncIterator[OpenSaver]:
    """Open one more replica's saver on the same checkpoints."""
    opened: list[tuple[Store, Any]] = []

    async def open_one() -> Checkpoints:
        store = await open_store_for(settings, [])
        saver = open_checkpoints(settings, store)
        opened.append((store, saver))
        return await saver.__aenter__()

    yield open_one
    for store, saver in opened:
        await saver.__aexit__(None, None, None)
        await store.close()


def held(fence: int, thread: str = THREAD, **more: Any) -> Any:
    """Return the configuration of a pass that holds the lease with this token."""
    return {"configurable": {"thread_id": thread, "checkpoint_ns": "", "fence": fence, **more}}


def saying(text: str) -> Checkpoint:
    checkpoint = empty_checkpoint()
    checkpoint["channel_values"] = {"said": text}
    return checkpoint


async def put(saver: Checkpoints, fence: int, text: str, thread: str = THREAD) -> str:
    """Store a checkpoint and return its id."""
    stored = await saver.aput(held(fence, thread), saying(text), {"step": 1}, {})
    return str(stored["configurable"]["checkpoint_id"])


async def put_late(saver: Checkpoints, fence: int, text: str) -> None:
    """Write as somebody who was paused after every check that it makes."""
    saver._require_latest = lambda config: None  # type: ignore[attr-defined]
    with contextlib.suppress(AdjutantError):  # SQLite refuses it in the write itself
        await put(saver, fence, text)


async def latest(saver: Checkpoints, fence: int) -> str:
    found = await saver.aget_tuple(held(fence))
    assert found is not None
    return str(found.checkpoint["channel_values"]["said"])


async def test_the_latest_checkpoint_is_where_it_goes_on(open_saver: OpenSaver) -> None:
    saver = await open_saver()
    assert await saver.aget_tuple(held(1)) is None
    first = await put(saver, 1, "one")
    await put(saver, 1, "two")
    assert await latest(saver, 1) == "two"
    found = await saver.aget_tuple(held(1, checkpoint_id=first))
    assert found is not None
    assert found.checkpoint["channel_values"]["said"] == "one"
    assert [each.checkpoint["id"] async for each in saver.alist(held(1))][-1] == first


async def test_what_a_node_wrote_goes_on_with_its_checkpoint(open_saver: OpenSaver) -> None:
    saver, other = await open_saver(), await open_saver()
    at = await put(saver, 1, "one")
    await saver.aput_writes(held(1, checkpoint_id=at), [("said", "done")], "task-1")
    found = await other.aget_tuple(held(2))
    assert found is not None
    assert found.pending_writes == [("task-1", "said", "done")]


async def test_a_late_checkpoint_is_not_what_the_next_holder_goes_on_from(
    open_saver: OpenSaver,
) -> None:
    paused, holder = await open_saver(), await open_saver()
    await put(paused, 1, "before the pause")
    assert await latest(holder, 2) == "before the pause"
    await put_late(paused, 1, "late")
    assert await latest(holder, 2) == "before the pause"
    await put(holder, 2, "taken over")
    await put_late(paused, 1, "very late")
    next_one = await open_saver()
    assert await latest(next_one, 3) == "taken over"


async def test_a_late_write_of_a_node_is_not_gone_on_from(open_saver: OpenSaver) -> None:
    paused, holder = await open_saver(), await open_saver()
    at = await put(paused, 1, "one")
    assert await latest(holder, 2) == "one"
    late = [("said", "late")]
    try:
        await paused.aput_writes(held(1, checkpoint_id=at), late, "task-1")
    except AdjutantError as error:
        assert error.reason == "STALE_FENCE"
    found = await holder.aget_tuple(held(2))
    assert found is not None
    assert found.pending_writes == []
    await holder.aput_writes(held(2, checkpoint_id=at), [("said", "mine")], "task-1")
    found = await (await open_saver()).aget_tuple(held(3))
    assert found is not None
    assert found.pending_writes == [("task-1", "said", "mine")]


async def test_a_late_note_does_not_take_the_place_of_the_holders(open_saver: OpenSaver) -> None:
    paused, holder = await open_saver(), await open_saver()
    at = await put(paused, 1, "one")
    assert await latest(holder, 2) == "one"
    for answer in ("first", "mine"):
        noted = [(RESUME, answer)]
        await holder.aput_writes(held(2, checkpoint_id=at), noted, "task-1")
    with contextlib.suppress(AdjutantError):
        await paused.aput_writes(held(1, checkpoint_id=at), [(RESUME, "late")], "task-1")
    found = await (await open_saver()).aget_tuple(held(3))
    assert found is not None
    assert found.pending_writes == [("task-1", RESUME, "mine")]


async def test_whoever_reads_after_a_later_holder_is_refused(open_saver: OpenSaver) -> None:
    paused, holder = await open_saver(), await open_saver()
    await put(holder, 2, "taken over")
    with pytest.raises(AdjutantError, match="STALE_FENCE"):
        await paused.aget_tuple(held(1))
    with pytest.raises(AdjutantError, match="STALE_FENCE"):
        await put(paused, 1, "late")


async def test_what_is_below_a_removed_project_is_removed(open_saver: OpenSaver) -> None:
    saver = await open_saver()
    other = "clients/acme/projects/web-2/tasks/t"
    at = await put(saver, 1, "gone")
    await saver.aput_writes(held(1, checkpoint_id=at), [("said", "gone")], "task-1")
    await put(saver, 1, "stays", other)
    await saver.remove_below("clients/acme/projects/web")
    assert await saver.aget_tuple(held(1)) is None
    assert await saver.aget_tuple(held(1, other)) is not None
    await saver.adelete_thread(other)
    assert await saver.aget_tuple(held(1, other)) is None


async def test_a_thread_keeps_its_newest_checkpoints_and_what_belongs_to_them(
    open_saver: OpenSaver,
) -> None:
    saver = await open_saver()
    saver.keep = 5
    last = ""
    for step in range(100):
        stored = await saver.aput(held(1), saying(f"{step}"), {"step": step}, {})
        last = stored["configurable"]["checkpoint_id"]
        writing = held(1, checkpoint_id=last)
        await saver.aput_writes(writing, [("said", f"w{step}")], f"task-{step}")
    kept = [checkpoint async for checkpoint in saver.alist(held(0))]
    said = [each.checkpoint["channel_values"]["said"] for each in kept]
    assert said == [str(step) for step in range(99, 99 - len(said), -1)]
    assert 5 <= len(said) <= 10
    newest = await saver.aget_tuple(held(1))
    assert newest
    assert newest.pending_writes == [("task-99", "said", "w99")]
    await saver.compact(THREAD)
    (only,) = [checkpoint async for checkpoint in saver.alist(held(0))]
    assert only.config["configurable"]["checkpoint_id"] == last
    assert only.pending_writes == newest.pending_writes
    await saver.adelete_thread(THREAD)
    assert await saver.aget_tuple(held(1)) is None
