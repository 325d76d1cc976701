"""What the steps of a project took, kept by what they did: the ground that estimates stand on."""

import hashlib
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from pydantic import BaseModel, Field

from adjutant.common.v1 import task_pb2
from adjutant.event.v1 import event_pb2
from services.mesh.due import Due
from services.mesh.errors import AdjutantError, suppress_not_found
from services.mesh.names import child, parent_of
from services.mesh.store import Collection, Look, Record, Store, UtcTime, now
from services.orchestrator.tasks.money import MoneyRecord, add_all
from services.orchestrator.tenancy.node import active
from services.orchestrator.tenancy.project import PROJECTS

SAMPLES: Final = 20
"""Last runs that a figure is made of."""
_COUNTED: Final = 100
"""Last runs that are known by name, so that one whose event comes again does not count twice."""
_ID_LENGTH: Final = 40


class Sample(BaseModel):
    """What one step took."""

    seconds: float
    costs: list[MoneyRecord] = Field(default_factory=list)


class StatisticsRecord(Record):
    """What steps of one kind took in a project."""

    count: int = 0
    """How many there were."""
    samples: list[Sample] = Field(default_factory=list)
    """The last of them."""
    counted: list[str] = Field(default_factory=list)
    """Digests of the names of the last runs that were counted."""
    expire_time: UtcTime | None = None
    """When it is forgotten, unless another step of the kind comes before."""


STATISTICS: Final = Collection("statistics", StatisticsRecord, hidden=("expire_time",))


@dataclass(frozen=True)
class Kind:
    """Steps that are alike, and how."""

    basis: str
    """COMMAND or AGENT, as in the contract's EstimateBasis."""
    name: str
    """Name of their record."""


def kinds(project: str, agent: str, command_line: str, verify_command: str) -> tuple[Kind, Kind]:
    """Return the kinds that a step is of, the nearest first."""
    return (
        Kind("COMMAND", _name(project, "COMMAND", agent, command_line, verify_command)),
        Kind("AGENT", _name(project, "AGENT", agent)),
    )


class Statistics:
    """Counts the steps that succeed."""

    def __init__(self, store: Store, ttl_s: float) -> None:
        """Take how long a kind is remembered of which no step comes any more."""
        self._store = store
        self._ttl = timedelta(seconds=ttl_s)
        self._due = Due(store, STATISTICS, "expire_time", self._forget)

    async def run(self) -> None:
        """Forget kinds whose time is over, for ever."""
        await self._due.run()

    async def on_step_event(self, event: event_pb2.Event) -> None:
        """Take in the end of a step; a repeat changes nothing."""
        step = event.step_state_changed.step
        if step.state != task_pb2.STEP_STATE_SUCCEEDED:
            return
        seconds = (step.end_time.ToNanoseconds() - step.start_time.ToNanoseconds()) / 1e9
        costs = [MoneyRecord.of(cost) for cost in step.costs]
        sample = Sample(seconds=max(seconds, 0.0), costs=costs)
        project = parent_of(event.task)
        for kind in kinds(project, step.agent, step.command_line, step.verify_command):
            await self._add(project, kind.name, step.run, sample)

    async def find(self, kind: Kind) -> StatisticsRecord | None:
        """Return what is known of a kind, or None."""
        return await self._store.find(STATISTICS, kind.name)

    async def _add(self, project: str, name: str, run: str, sample: Sample) -> None:
        def add(record: StatisticsRecord) -> list[event_pb2.Event] | None:
            record.expire_time = now() + self._ttl
            return [] if count(record, run, sample) else None

        def stands(look: Look) -> None:
            active(look.find(PROJECTS, project), project)

        if await self._store.find(STATISTICS, name) is None:
            first = StatisticsRecord(name=name, create_time=now(), update_time=now())
            try:
                await self._store.insert(STATISTICS, first, guard=stands)
            except AdjutantError as error:
                if error.reason == "NOT_FOUND":
                    return  # the project was removed meanwhile
                if error.reason != "ALREADY_EXISTS":
                    raise
        await self._store.update(STATISTICS, name, add)

    async def _forget(self, due: StatisticsRecord) -> None:
        """Remove a kind; what one that came just now adds is lost with it, which harms nobody."""
        with suppress_not_found():
            await self._store.delete(STATISTICS, due.name)


def count(record: StatisticsRecord, run: str, sample: Sample) -> bool:
    """Add a run to a record; False where it is in it already."""
    digest = hashlib.sha256(run.encode()).hexdigest()[:12]
    if digest in record.counted:
        return False
    record.count += 1
    record.samples = [*record.samples, sample][-SAMPLES:]
    record.counted = [*record.counted, digest][-_COUNTED:]
    return True


def mean_s(samples: Sequence[Sample]) -> float:
    """Return the seconds that samples took on average."""
    return sum(sample.seconds for sample in samples) / len(samples)


def p90_s(samples: Sequence[Sample]) -> float:
    """Return the seconds that nine of ten samples did not exceed."""
    ordered = sorted(sample.seconds for sample in samples)
    return ordered[math.ceil(0.9 * len(ordered)) - 1]


def mean_costs(samples: Sequence[Sample]) -> list[MoneyRecord]:
    """Return what samples spent on average; one that spent nothing counts as such."""
    return [cost.share(len(samples)) for cost in _sums(samples)]


def _sums(samples: Iterable[Sample]) -> list[MoneyRecord]:
    return add_all(cost for sample in samples for cost in sample.costs)


def _name(project: str, *words: str) -> str:
    digest = hashlib.sha256("\0".join(words).encode()).hexdigest()
    return child(project, "statistics", digest[:_ID_LENGTH])
