"""Many senders of messages at random moments, and what must hold of all that they sent."""

import asyncio
import random
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

import grpc

from adjutant.common.v1 import task_message_pb2 as message_states
from adjutant.common.v1 import task_pb2 as states
from tests.support.mesh import Caller


@dataclass
class Sent:
    """One message, and what its sender was told."""

    task: str
    mark: str
    adds_step: bool
    name: str = ""
    """Of the message; empty where it was refused."""


@dataclass
class Senders:
    """Sends marked messages; each that adds a step adds one that writes its mark."""

    caller: Caller
    folder: Path
    chance: random.Random
    sent: list[Sent] = field(default_factory=list)
    cut_off: Counter[str] = field(default_factory=Counter)
    """Answers that were none, by their code."""

    async def send(self, task: str, delay_s: float, steps: float = 0.5) -> Sent:
        """Send one message after a while, again and again until there is a definite answer.

        `steps` is how likely it is that it adds a step.
        """
        mark = f"m{len(self.sent)}"
        adds_step = self.chance.random() < steps
        one = Sent(task, mark, adds_step)
        self.sent.append(one)
        text = f"- [ ] {mark}\n  run: echo {mark} >> {self.folder}/{mark}\n"
        await asyncio.sleep(delay_s)
        async with asyncio.timeout(90):
            while True:
                try:
                    answer = await self.caller.tell(task, text if adds_step else mark, mark)
                    one.name = answer.name
                    return one
                except grpc.aio.AioRpcError as error:
                    if error.code() is grpc.StatusCode.FAILED_PRECONDITION:
                        return one
                    self.cut_off[error.code().name] += 1
                    await asyncio.sleep(self.chance.uniform(0.1, 0.5))

    @property
    def accepted(self) -> list[Sent]:
        """Those whose sender was told that they are stored."""
        return [one for one in self.sent if one.name]

    async def check(self, tasks: list[str]) -> None:
        """Require that each accepted one was handed over once, and each step ran once."""
        for name in tasks:
            task = await self.caller.task(name)
            assert task.state == states.TASK_STATE_COMPLETED, task.failure
            assert task.pending_message_count == 0
            accepted = [one for one in self.accepted if one.task == name]
            told = await self.caller.told(name)
            assert sorted(m.name for m in told) == sorted(one.name for one in accepted)
            assert {m.state for m in told} <= {message_states.TASK_MESSAGE_STATE_DELIVERED}
            assert sorted(m.number for m in told) == list(range(1, len(told) + 1))

            story = await self.caller.story(name)
            delivered = Counter(e.resource for e in story if e.HasField("task_message_delivered"))
            received = Counter(e.resource for e in story if e.HasField("task_message_received"))
            assert delivered == received == Counter(one.name for one in accepted)

            steps = [step.title for step in task.steps[1:]]
            assert sorted(steps) == sorted(one.mark for one in accepted if one.adds_step)
            assert {step.attempt for step in task.steps} == {1}
        for one in self.sent:
            path = self.folder / one.mark
            wanted = f"{one.mark}\n" if one.name and one.adds_step else ""
            assert (path.read_text() if path.exists() else "") == wanted
