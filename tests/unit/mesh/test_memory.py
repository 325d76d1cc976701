"""What nobody uses any more is given back while a service runs."""

import asyncio
import contextlib
import gc
import weakref

import pytest

from services.mesh import memory, tasks


class _Holder:
    """Holds itself, so that only the collector can end it."""

    def __init__(self) -> None:
        self.own = self


async def test_garbage_in_cycles_is_collected_before_python_would(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(memory, "EVERY_S", 0.01)
    giving = asyncio.create_task(memory.give_back())
    try:
        await asyncio.sleep(0)
        gc.disable()
        held = weakref.ref(_Holder())
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(10):
                while held() is not None:
                    await asyncio.sleep(0.01)
        assert held() is None
    finally:
        gc.enable()
        gc.unfreeze()
        await tasks.end([giving])
