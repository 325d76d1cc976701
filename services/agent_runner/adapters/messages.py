"""What a run's job is told: the messages to its task, as files, from the orchestrator."""

from __future__ import annotations

import asyncio
import os
import time
from typing import TYPE_CHECKING, Final

import grpc

from adjutant.common.v1 import task_message_pb2 as states
from adjutant.orchestrator.v1 import task_message_service_pb2 as pb
from adjutant.orchestrator.v1 import task_message_service_pb2_grpc
from services.agent_runner.errors import INFRASTRUCTURE, RunFailure
from services.mesh.channel import open_channel

if TYPE_CHECKING:
    from pathlib import Path

    from adjutant.orchestrator.v1 import task_message_pb2
    from services.agent_runner.run import RunRecord
    from services.mesh.config import MeshSettings

FOLDER: Final = "messages"
_PAGE_SIZE: Final = 50
_PATIENCE_S: Final = 60.0
_RETRY_S: Final = 0.5


class TaskMessages:
    """Writes the messages that a run sees into its folder."""

    def __init__(self, address: str, settings: MeshSettings) -> None:
        self._channel = open_channel(address, settings)
        self._messages = task_message_service_pb2_grpc.TaskMessageServiceStub(self._channel)

    async def write(self, run: RunRecord, run_folder: Path) -> Path:
        """Return the folder with a file for each message, named by its number. RunFailure.

        They are those up to the run's `last_message`, so that a repeat finds the same.
        """
        folder = run_folder / FOLDER
        os.makedirs(folder, 0o700, exist_ok=True)
        if run.spec.last_message:
            for message in await self._patiently(run):
                (folder / str(message.number)).write_text(message.text)
        return folder

    async def close(self) -> None:
        """Let go of the connection."""
        await self._channel.close()

    async def _patiently(self, run: RunRecord) -> list[task_message_pb2.TaskMessage]:
        """Read the messages, also while the orchestrator is started anew."""
        until = time.monotonic() + _PATIENCE_S
        while True:
            try:
                return await self._read(run)
            except grpc.aio.AioRpcError as error:
                if error.code() is not grpc.StatusCode.UNAVAILABLE or time.monotonic() > until:
                    why = error.details() or error.code().name
                    message = f"the messages to the task cannot be had: {why}"
                    raise RunFailure("INTERNAL", message, INFRASTRUCTURE) from error
            await asyncio.sleep(_RETRY_S)

    async def _read(self, run: RunRecord) -> list[task_message_pb2.TaskMessage]:
        found: list[task_message_pb2.TaskMessage] = []
        token = ""
        while True:
            request = pb.ListTaskMessagesRequest(
                parent=run.task,
                page_size=_PAGE_SIZE,
                page_token=token,
                order_by="create_time asc",
            )
            page = await self._messages.ListTaskMessages(request)
            found += [
                message
                for message in page.messages
                if message.state == states.TASK_MESSAGE_STATE_DELIVERED
                and message.number <= run.spec.last_message
            ]
            if not (token := page.next_page_token):
                return found
