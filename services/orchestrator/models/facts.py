"""What the built-in script may say of a project: read from the store when it is asked."""

from collections import Counter
from collections.abc import Mapping

from services.mesh.store import Store
from services.orchestrator.models.port import CallScope
from services.orchestrator.tasks.task import TASKS
from services.orchestrator.tenancy.project import PROJECTS


class ProjectFacts:
    """Tells of the project that a call is for."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def __call__(self, scope: CallScope, wanted: frozenset[str]) -> Mapping[str, str]:
        """Return the facts, and the costly ones only where they are wanted."""
        project = await self._store.find(PROJECTS, scope.project)
        facts = {
            "project": scope.project,
            "project_title": (project and project.display_name) or scope.project.split("/")[-1],
            "project_description": project.description if project else "",
            "agent": scope.agent,
        }
        if "task_summary" in wanted:
            facts["task_summary"] = await self._task_summary(scope.project)
        return facts

    async def _task_summary(self, project: str) -> str:
        page = await self._store.page(TASKS, parent=project, page_size=500)
        if not page.records:
            return "no tasks yet"
        states = Counter(record.state.replace("_", " ").lower() for record in page.records)
        parts = ", ".join(f"{number} {state}" for state, number in states.most_common())
        count = len(page.records)
        more = "more than " if page.next_page_token else ""
        newest = "of the newest " if page.next_page_token else ""
        return f"{more}{count} task{'s' if count > 1 else ''} ({newest}{parts})"
