"""The time that a call has left, for the calls that it makes itself.

gRPC does not pass deadlines on. The budget stands in a context variable; the
client interceptors (services/mesh/channel.py) give what is left of it to the
next service.
"""

from __future__ import annotations  # gRPC's types take parameters in stubs only

import asyncio
import contextvars
from typing import Any

from services.mesh.access.contract import Method
from services.mesh.errors import AdjutantError
from services.mesh.interceptors.chain import Context, Inner
from services.mesh.timeouts import Ending, Timeouts


class _Budget:
    """What a call has left, until it is answered."""

    def __init__(self, ends_at: float) -> None:
        self.ends_at = ends_at
        self.answered = False


_budget: contextvars.ContextVar[_Budget | None] = contextvars.ContextVar("budget", default=None)


def remaining_s() -> float | None:
    """Return the seconds that the current call has left; None outside a call or without end.

    A task that a call leaves running is outside as soon as the call is answered.
    """
    budget = _budget.get()
    if budget is None or budget.answered:
        return None
    return max(budget.ends_at - asyncio.get_running_loop().time(), 0.0)


class Deadline:
    """Gives a call that answers once an end, and notes it for the calls that it makes.

    A stream goes on as long as it is wanted; calls that it makes have limits of their own.
    """

    def __init__(self, unary_timeout_s: float) -> None:
        self._timeouts = Timeouts(unary_timeout_s)

    async def __call__(self, inner: Inner, method: Method, context: Context) -> Any:
        """Call within the caller's deadline or ours."""
        given_s = context.time_remaining()
        limit_s = self._timeouts.limit_s if given_s is None else given_s
        budget = _Budget(asyncio.get_running_loop().time() + limit_s)
        _budget.set(budget)
        try:
            if given_s is not None:
                return await inner()  # gRPC itself ends it
            return await self._within(inner)
        finally:
            budget.answered = True

    async def _within(self, inner: Inner) -> Any:
        """Run the call and cancel it when it takes too long, as `asyncio.timeout` would."""
        end = Ending()
        key = self._timeouts.add(end.come)
        try:
            return await inner()
        except asyncio.CancelledError as error:
            if end.is_not_alone:
                raise
            message = (
                f"The call took longer than {self._timeouts.limit_s:g} s; send a longer deadline."
            )
            raise AdjutantError("DEADLINE_TOO_SHORT", message) from error
        finally:
            self._timeouts.drop(key)
