"""What the built-in script says of a project, read from both stores."""

from services.mesh.config import MeshSettings
from services.mesh.store import now, open_store_for
from services.orchestrator.models.facts import ProjectFacts
from services.orchestrator.tasks.task import TASKS, TaskRecord
from services.orchestrator.tenancy.project import PROJECTS, ProjectRecord
from tests.support.models import SCOPE

ALL = frozenset({"task_summary"})


async def test_facts_are_those_of_the_project(store_settings: MeshSettings) -> None:
    store = await open_store_for(store_settings, [PROJECTS, TASKS])
    facts, time = ProjectFacts(store), now()
    assert (await facts(SCOPE, ALL))["project_title"] == "web"
    project = ProjectRecord(
        name=SCOPE.project,
        create_time=time,
        update_time=time,
        display_name="The web",
        description="All of it.",
    )
    await store.insert(PROJECTS, project)
    told = await facts(SCOPE, ALL)
    assert told["project"] == SCOPE.project
    assert (told["project_title"], told["project_description"]) == ("The web", "All of it.")
    assert told["task_summary"] == "no tasks yet"
    for number, state in enumerate(("COMPLETED", "WAITING_FOR_USER", "COMPLETED")):
        task = TaskRecord(
            name=f"{SCOPE.project}/tasks/t{number}",
            create_time=time,
            update_time=time,
            news_time=time,
            state=state,
            title="t",
            instructions="- [ ] t",
        )
        await store.insert(TASKS, task)
    other = project.model_copy(update={"name": "clients/acme/projects/other"})
    await store.insert(PROJECTS, other)
    told = await facts(SCOPE, ALL)
    assert told["task_summary"] == "3 tasks (2 completed, 1 waiting for user)"
    assert "task_summary" not in await facts(SCOPE, frozenset())
    await store.close()
