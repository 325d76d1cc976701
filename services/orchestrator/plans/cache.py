"""Plans that were made, kept for a while in the project that they were made in."""

import hashlib
import json
from datetime import timedelta
from typing import Final

from adjutant.event.v1 import event_pb2
from services.mesh.due import Due
from services.mesh.errors import AdjutantError, suppress_not_found
from services.mesh.names import child
from services.mesh.store import Collection, Look, Record, Store, UtcTime, now
from services.orchestrator.plans.plan import Plan
from services.orchestrator.plans.planner import Planned, Planner
from services.orchestrator.tenancy.node import active
from services.orchestrator.tenancy.project import PROJECTS

_DIGEST_LENGTH: Final = 40


class PlanRecord(Record):
    """A plan that was made."""

    plan: Plan
    expire_time: UtcTime | None
    """When it is forgotten."""


PLANS: Final = Collection("plans", PlanRecord, (), ("expire_time",))


class CachedPlanner:
    """Asks another planner where the same was not asked in the same project lately."""

    def __init__(self, planner: Planner, store: Store, ttl_s: float) -> None:
        """Take how long a plan is kept; with 0 none is."""
        self.version = planner.version
        self._planner = planner
        self._store = store
        self._ttl = timedelta(seconds=ttl_s)
        self._due = Due(store, PLANS, "expire_time", self._forget)

    async def plan(self, project: str, instructions: str, title: str) -> Planned:
        """Return the plan of instructions; see Planner."""
        if not self._ttl:
            return await self._planner.plan(project, instructions, title)
        name = self._name(project, instructions, title)
        found = await self._store.find(PLANS, name)
        if found is not None and found.expire_time and found.expire_time > now():
            return Planned(found.plan, cached=True)
        planned = await self._planner.plan(project, instructions, title)
        await self._keep(project, name, planned.plan)
        return planned

    async def run(self) -> None:
        """Forget plans whose time is over, for ever."""
        await self._due.run()

    def _name(self, project: str, instructions: str, title: str) -> str:
        asked = json.dumps([self.version, project, title, instructions])
        digest = hashlib.sha256(asked.encode()).hexdigest()
        return child(project, "plans", digest[:_DIGEST_LENGTH])

    async def _keep(self, project: str, name: str, plan: Plan) -> None:
        time = now()
        expire_time = time + self._ttl
        record = PlanRecord(
            name=name, create_time=time, update_time=time, plan=plan, expire_time=expire_time
        )

        def stands(look: Look) -> None:
            active(look.find(PROJECTS, project), project)

        def renew(kept: PlanRecord) -> list[event_pb2.Event]:
            kept.plan, kept.expire_time = plan, expire_time
            return []

        try:
            await self._store.insert(PLANS, record, guard=stands)
        except AdjutantError as error:
            if error.reason == "NOT_FOUND":
                return  # no such project, which whoever needs one says in its own words
            if error.reason != "ALREADY_EXISTS":
                raise
            await self._store.update(PLANS, name, renew)

    async def _forget(self, due: PlanRecord) -> None:
        """Remove a plan; one that was made anew meanwhile is made once more when it is needed."""
        with suppress_not_found():  # another replica was faster
            await self._store.delete(PLANS, due.name)
