"""The kinds of work: what each asks for, what its person does meanwhile, and how it may end.

A new kind is a class here and its entry in `KINDS`.
"""

import asyncio
import shlex
from typing import Final, Protocol

from adjutant.common.v1 import queue_pb2
from adjutant.common.v1 import task_pb2 as states
from adjutant.orchestrator.v1 import (
    approval_service_pb2,
    queue_service_pb2,
    task_message_service_pb2,
    task_service_pb2,
)
from tests.chaos import user
from tests.chaos.work import Work, is_final

_Decision = approval_service_pb2.DecideApprovalRequest
_COMPLETED: Final = states.TASK_STATE_COMPLETED
_FAILED: Final = states.TASK_STATE_FAILED
_CANCELLED: Final = states.TASK_STATE_CANCELLED


class Kind(Protocol):
    """A kind of work."""

    weight: int
    """How often it is chosen, in relation."""
    commits: bool
    """Whether it works in a repository, so that a person is asked for the commit."""
    waits: bool
    """Whether it is left waiting for a person until all else has come to rest."""
    end: states.TaskState
    """The state that it must end in, unless the shims of a step were killed too often."""

    def plan(self, work: Work) -> str:
        """Return the plan."""

    async def act(self, work: Work) -> None:
        """Do what its person does, from when it was accepted until nothing is left to do."""


class Parallel:
    """Steps side by side, and one that waits for all of them; nobody is asked."""

    weight, commits, waits, end = 4, False, False, _COMPLETED

    def plan(self, work: Work) -> str:
        """Return two to five steps, and one after them."""
        count = work.chance.randint(2, 5)
        steps = [
            work.marks.step(
                f"s{n}", sleep_s=work.chance.uniform(0, 0.8), then=f"echo {n} > {n}.txt"
            )
            for n in range(count)
        ]
        join = work.marks.step("join", sleep_s=0.1, then=f'test "$(cat *.txt | wc -l)" -eq {count}')
        return "\n".join(["# Many", "## Write", *steps, "## Join", join])

    async def act(self, work: Work) -> None:
        """Do nothing."""


class Approved:
    """A change that a person lets through; it must be in the repository once."""

    weight, commits, waits, end = 3, True, False, _COMPLETED

    def plan(self, work: Work) -> str:
        """Return two steps side by side that change something."""
        steps = [
            work.marks.step(
                name, sleep_s=work.chance.uniform(0, 0.5), then=f"echo {name} > {name}.txt"
            )
            for name in ("a", "b")
        ]
        return "\n".join(["# Change", *steps])

    async def act(self, work: Work) -> None:
        """Approve when asked."""
        if await work.asked():
            await work.answer(_Decision.DECISION_APPROVE)


class Denied(Approved):
    """A change that a person does not want."""

    weight, end = 1, _FAILED

    async def act(self, work: Work) -> None:
        """Deny when asked."""
        if await work.asked():
            await work.answer(_Decision.DECISION_DENY)


class Left(Approved):
    """A change that nobody answers for until everything else is over."""

    weight, waits = 1, True

    async def act(self, work: Work) -> None:
        """Wait until it asks."""
        await work.asked()


class Cancelled:
    """Long steps that are cancelled at some moment; nothing of them may be left."""

    weight, commits, waits, end = 3, False, False, _CANCELLED

    def plan(self, work: Work) -> str:
        """Return two steps that would take very long, one of them stubborn."""
        stubborn = "trap '' TERM; sleep 600 & wait; sleep 600"
        steps = [
            work.marks.step("long", sleep_s=600),
            work.marks.step("stubborn", sleep_s=0, then=f"sh -c {shlex.quote(stubborn)}"),
        ]
        return "\n".join(["# Long", *steps])

    async def act(self, work: Work) -> None:
        """Cancel after a moment."""
        await asyncio.sleep(work.chance.uniform(0, 4))
        request = task_service_pb2.CancelTaskRequest(name=work.task)
        await user.call_in_time(work.callers, "tasks.CancelTask", request)


class Retried:
    """A step that fails until its person has seen to it and lets the task run again."""

    weight, commits, waits, end = 2, False, False, _COMPLETED

    def plan(self, work: Work) -> str:
        """Return a step that works, one beside it that does not at first, and one after it."""
        steps = [
            work.marks.step("good", sleep_s=0.2),
            work.marks.step("bad", sleep_s=0.2, then=f"test -d {work.marks.folder / 'seen-to'}"),
            work.marks.step("follower", "after: bad", sleep_s=0.1),
        ]
        return "\n".join(["# Fails at first", *steps])

    async def act(self, work: Work) -> None:
        """See to what was wrong when it has failed, and retry."""
        await work.listener.until(is_final)
        (work.marks.folder / "seen-to").mkdir()
        request = task_service_pb2.RetryTaskRequest(name=work.task, request_id=f"{work.key} again")
        await user.call(work.callers, "tasks.RetryTask", request)


class HandedOn:
    """A result that one step gives and another takes."""

    weight, commits, waits, end = 2, False, False, _COMPLETED

    def plan(self, work: Work) -> str:
        """Return a step that gives a number, and one that looks whether it got it."""
        number = work.chance.randrange(1000)
        gives = f'echo {number} > "$ADJUTANT_RESULTS/number"'
        takes = f'test "$(cat "$ADJUTANT_INPUTS/number")" -eq {number}'
        steps = [
            work.marks.step("giver", "gives: number integer", sleep_s=0.2, then=gives),
            work.marks.step("taker", "takes: number from giver", sleep_s=0.1, then=takes),
        ]
        return "\n".join(["# Hand on", *steps])

    async def act(self, work: Work) -> None:
        """Do nothing."""


class TriedAgain:
    """A step that works at its third attempt, and is tried again by itself until then."""

    weight, commits, waits, end = 2, False, False, _COMPLETED

    def plan(self, work: Work) -> str:
        """Return a step that counts its attempts by its marks."""
        then = f"test $(wc -l < {work.marks.folder / 'flaky'}) -ge 3"
        return "\n".join(["# Flaky", work.marks.step("flaky", "retry: 10", sleep_s=0.1, then=then)])

    async def act(self, work: Work) -> None:
        """Do nothing."""


class Told:
    """A task that is told something, and given further steps, while it is worked on."""

    weight, commits, waits, end = 3, False, False, _COMPLETED

    def plan(self, work: Work) -> str:
        """Return a step that leaves time to be told something."""
        return "\n".join(["# Listen", work.marks.step("first", sleep_s=0.8)])

    async def act(self, work: Work) -> None:
        """Tell it something at three moments; some of them are too late."""
        for number in range(3):
            await asyncio.sleep(work.chance.uniform(0, 0.8))
            step = work.marks.step(f"further-{number}", sleep_s=0.1)
            request = task_message_service_pb2.SendTaskMessageRequest(
                parent=work.task,
                request_id=f"{work.key} {number}",
                text=work.chance.choice(["the weather is fine", step]),
            )
            sent = await user.call_in_time(work.callers, "messages.SendTaskMessage", request)
            if sent:
                work.told.append(sent.message.name)


class Moved(Parallel):
    """A task that somebody moves to the other queue and back, while it waits for its turn."""

    weight = 2

    async def act(self, work: Work) -> None:
        """Move it there and back, and to the end."""
        for queue in (queue_pb2.TASK_QUEUE_BACKGROUND, queue_pb2.TASK_QUEUE_FOREGROUND):
            move = queue_service_pb2.MoveTaskRequest(name=work.task, queue=queue)
            await user.call_in_time(work.callers, "queues.MoveTask", move)
        reorder = queue_service_pb2.ReorderTaskRequest(name=work.task)
        await user.call_in_time(work.callers, "queues.ReorderTask", reorder)


KINDS: Final[tuple[Kind, ...]] = (
    Parallel(),
    Approved(),
    Denied(),
    Left(),
    Cancelled(),
    Retried(),
    HandedOn(),
    TriedAgain(),
    Told(),
    Moved(),
)
