"""Answers the credential helpers of jobs, over a socket that only this user can open.

A job shows its run's report token. Only jobs of agents that push are answered, only while
their run goes on, and only for the run's own repository.
"""

from __future__ import annotations

import asyncio
import json
import logging
import os
import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Final

from services.agent_runner.errors import WORK, RunFailure
from services.agent_runner.run import RUNS
from services.mesh.secrets.redact import in_use

if TYPE_CHECKING:
    from collections.abc import Collection

    from services.agent_runner.credentials import Credentials
    from services.agent_runner.run import RunRecord
    from services.mesh.store import Store

log = logging.getLogger(__name__)
_MAX_QUESTION_BYTES: Final = 4096
_QUESTION_TIMEOUT_S: Final = 5.0


class CredentialServer:
    """Listens from `start` to `close`."""

    def __init__(
        self, store: Store, credentials: Credentials, link: Path, agents: Collection[str]
    ) -> None:
        """Take where runs and credentials are, and the agents whose jobs may have one."""
        self._store = store
        self._credentials = credentials
        self._agents = agents
        self.link = link
        """A link to the socket. A socket's own path must be short, a data directory need not."""
        self._folder: Path | None = None
        self._server: asyncio.Server | None = None

    async def start(self) -> None:
        """Begin to listen, and have the link lead here."""
        self._folder = Path(await asyncio.to_thread(tempfile.mkdtemp, prefix="adjutant-"))
        path = self._folder / "credentials"
        self._server = await asyncio.start_unix_server(
            self._answer, path, limit=_MAX_QUESTION_BYTES
        )
        await asyncio.to_thread(_lead, self.link, path)

    async def close(self) -> None:
        """Stop listening; who asks meanwhile asks again."""
        if self._server is not None:
            self._server.close()
        if self._folder is not None:
            self.link.unlink(missing_ok=True)
            await asyncio.to_thread(shutil.rmtree, self._folder, ignore_errors=True)

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            async with asyncio.timeout(_QUESTION_TIMEOUT_S):
                question = json.loads(await reader.readline())
            run = await self._run_of(str(question["run"]), str(question["token"]))
            if run is not None:
                await self._hand_over(run, writer)
            writer.write(b"end\n")
            await writer.drain()
        except (ValueError, KeyError, TypeError, TimeoutError, OSError) as error:
            log.warning("a job's question for a credential was not understood: %s", type(error))
        except RunFailure as failure:
            log.warning("a job gets no credential: %s", failure.message)
            if failure.disposition == WORK:  # else it asks again, for a while
                writer.write(b"end\n")
        finally:
            writer.close()

    async def _run_of(self, name: str, token: str) -> RunRecord | None:
        run = await self._store.find(RUNS, name)
        if run is None or not run.has_token(token) or run.is_final:
            return None
        return run if run.agent in self._agents else None

    async def _hand_over(self, run: RunRecord, writer: asyncio.StreamWriter) -> None:
        credential = await self._credentials.of(run)
        if credential is not None:
            with in_use(credential.secret):
                writer.write(credential.lines())


def _lead(link: Path, path: Path) -> None:
    link.parent.mkdir(mode=0o700, exist_ok=True)
    # Not beside the link: whoever asks tries everything that is there.
    unfinished = link.parent.with_suffix(f".{os.getpid()}")
    unfinished.unlink(missing_ok=True)
    unfinished.symlink_to(path)
    unfinished.replace(link)
