"""What agents can do, group by group: on the same parts that the services stand on."""

from dataclasses import dataclass

from services.orchestrator.agents.acting import Acting
from services.orchestrator.agents.capabilities import approvals, project, queue, schedules, tasks
from services.orchestrator.agents.tool import Registry
from services.orchestrator.approvals.approvals import Approvals
from services.orchestrator.models.facts import ProjectFacts
from services.orchestrator.queues.queues import Queues
from services.orchestrator.schedules.schedules import Schedules
from services.orchestrator.tasks.tasks import Tasks


@dataclass(frozen=True)
class Domain:
    """The parts of the orchestrator that tools work on."""

    tasks: Tasks
    approvals: Approvals
    queues: Queues
    schedules: Schedules
    facts: ProjectFacts


def make_registry(acting: Acting, domain: Domain) -> Registry:
    """Return all tools."""
    return Registry(
        acting,
        {
            "tasks": tasks.tools(domain.tasks),
            "approvals": approvals.tools(domain.approvals, domain.tasks),
            "queue": queue.tools(domain.queues, domain.tasks),
            "schedules": schedules.tools(domain.schedules),
            "project": project.tools(domain.facts),
        },
    )
