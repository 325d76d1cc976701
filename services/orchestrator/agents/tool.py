"""Tools that agents call, and the groups that they are loaded by."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError

from services.mesh.errors import AdjutantError
from services.mesh.names import child
from services.orchestrator.agents.acting import Acting
from services.orchestrator.agents.authority import AuthorityRecord
from services.orchestrator.models.port import ToolSpec

T = TypeVar("T")
GROUPS: Final[Mapping[str, str]] = {
    "tasks": "hand in work, look at tasks and what became of them, cancel or retry them",
    "approvals": "what waits for a person's approval, and answering it",
    "queue": "which tasks wait for their turn, in which order, and moving them",
    "schedules": "work that is handed in again and again at given times",
    "project": "what this project is",
}
"""Names of the groups, and what they are for, as the intent parser is told."""


class Arguments(BaseModel):
    """What a tool is called with."""

    model_config = ConfigDict(extra="forbid")


@dataclass(frozen=True)
class Hand:
    """What a tool does its work with: one call of it, for somebody, in a project."""

    acting: Acting
    authority: AuthorityRecord | None
    project: str
    session: str
    request_id: str
    """The same each time that the call is repeated, and no other call's."""

    async def call(self, path: str, request: Any, work: Callable[[Any], Awaitable[T]]) -> T:
        """Do a method's work; see `Acting.call`."""
        return await self.acting.call(self.authority, path, self.project, request, work)

    async def may(self, path: str) -> bool:
        """Tell whether whoever it is may call a method in the project."""
        return await self.acting.may(self.authority, path, self.project)

    def name(self, collection: str, name_or_id: str) -> str:
        """Return the name of something in the project, that may be given by its id."""
        if name_or_id.startswith("clients/"):
            return name_or_id
        return child(self.project, collection, name_or_id)


@dataclass(frozen=True)
class Tool:
    """Something that an agent can do."""

    name: str
    description: str
    """For the model."""
    arguments: type[Arguments]
    method: str
    """The method of the contract that says who may: `/adjutant.orchestrator.v1.TaskService/…`."""
    run: Callable[[Hand, Any], Awaitable[str]]
    """Does it and returns what came of it, for the model and for people."""
    summary: Callable[[Hand, Any], Awaitable[str]] | None = None
    """Says what it would change, so that people know it who know no ids, and changes nothing.

    Raises what is wrong with it before anybody is asked. None where it changes nothing and is
    done without asking.
    """

    @property
    def spec(self) -> ToolSpec:
        """What a model is told of it."""
        return ToolSpec(self.name, self.description, self.arguments.model_json_schema())

    def read(self, given: Mapping[str, Any]) -> Arguments:
        """Return the arguments that a model gave. INVALID_REQUEST."""
        try:
            return self.arguments.model_validate(given)
        except ValidationError as error:
            wrong = "; ".join(
                f"{'.'.join(str(part) for part in each['loc'])}: {each['msg']}"
                for each in error.errors()
            )
            raise AdjutantError("INVALID_REQUEST", f"{self.name}: {wrong}.") from None


class Registry:
    """All tools, by their groups."""

    def __init__(self, acting: Acting, groups: Mapping[str, Sequence[Tool]]) -> None:
        self.acting = acting
        self._groups = groups

    async def allowed(
        self, authority: AuthorityRecord | None, project: str
    ) -> Mapping[str, tuple[Tool, ...]]:
        """Return the tools that somebody may use in a project, by group; no group is empty."""
        found = {}
        for group, tools in self._groups.items():
            may = [tool for tool in tools if await self.acting.may(authority, tool.method, project)]
            if may:
                found[group] = tuple(may)
        return found
