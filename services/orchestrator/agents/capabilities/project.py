"""The project: what is true of it."""

from typing import Final

from adjutant.orchestrator.v1 import project_service_pb2 as pb
from services.orchestrator.agents.tool import Arguments, Hand, Tool
from services.orchestrator.models.facts import ProjectFacts
from services.orchestrator.models.port import CallScope

_GET: Final = "/adjutant.orchestrator.v1.ProjectService/GetProject"


class AboutProject(Arguments):
    """The project of the conversation."""


def tools(facts: ProjectFacts) -> tuple[Tool, ...]:
    """Return the tools that tell of the project."""
    return (
        Tool(
            "about_project",
            "Tells what this project is.",
            AboutProject,
            _GET,
            lambda hand, _: _about(facts, hand),
        ),
    )


async def _about(facts: ProjectFacts, hand: Hand) -> str:
    async def read(request: pb.GetProjectRequest) -> str:
        scope = CallScope(project=request.name, principal="")
        known = await facts(scope, frozenset())
        description = known["project_description"] or "It has no description."
        return f"{known['project_title']} ({known['project']}): {description}"

    return await hand.call(_GET, pb.GetProjectRequest(name=hand.project), read)
