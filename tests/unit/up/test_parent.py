"""A child learns that its parent is gone."""

import asyncio
import os

import pytest

from services.mesh.parent import PARENT_FD_VARIABLE, watch_parent


async def test_the_end_of_the_pipe_is_the_end_of_the_parent(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    reading, writing = os.pipe()
    monkeypatch.setenv(PARENT_FD_VARIABLE, str(reading))
    gone = asyncio.Event()
    watch_parent(gone.set)
    assert PARENT_FD_VARIABLE not in os.environ
    await asyncio.sleep(0.01)
    assert not gone.is_set()
    os.close(writing)
    await asyncio.wait_for(gone.wait(), 5)


async def test_without_a_parent_there_is_nothing_to_watch(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(PARENT_FD_VARIABLE, raising=False)
    watch_parent(lambda: pytest.fail("nobody is gone"))
