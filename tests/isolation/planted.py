"""What a client has, planted so that any byte of it can be recognised: a resource of every kind."""

import asyncio
import secrets
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from adjutant.agent_runner.v1 import run_pb2, run_service_pb2
from adjutant.orchestrator.v1 import (
    approval_service_pb2,
    budget_pb2,
    budget_service_pb2,
    chat_service_pb2,
    client_pb2,
    client_service_pb2,
    connection_pb2,
    connection_service_pb2,
    group_pb2,
    group_service_pb2,
    member_service_pb2,
    project_pb2,
    project_service_pb2,
    schedule_pb2,
    schedule_service_pb2,
    session_pb2,
    task_service_pb2,
)
from services.orchestrator.traces.trace import call_name, trace_name
from tests.isolation.wire import Mesh, Metadata
from tests.support.chat import speaker
from tests.support.mesh import make_repository
from tests.support.traces import model_call, recording, scope_of, tool_call

TOKEN_FILE: Final = "token-file"
_PATIENCE_S = 30.0


def mark(what: str) -> str:
    """Return a text that is nowhere else."""
    return f"mark-{what}-{secrets.token_hex(6)}"


@dataclass
class Planted:
    """A project with everything in it, and its client."""

    client: str
    project: str
    names: list[str]
    """Of every kind one, the most special first; requests are made of them by their patterns."""
    marks: set[str] = field(default_factory=set)
    """Texts that nobody else may see, and ids that nobody else may learn."""
    values: dict[str, str] = field(default_factory=dict)
    """What else requests need: a run under way, its token, cursors, page tokens."""

    def marked(self, what: str) -> str:
        """Return a text that is this project's alone."""
        text = mark(what)
        self.marks.add(text)
        return text

    @property
    def texts(self) -> set[str]:
        """The marks that are part of no name, which nobody has a reason to repeat."""
        return {mark for mark in self.marks if not any(mark in text for text in self.strings)}

    @property
    def strings(self) -> list[str]:
        """What an attacker who learned it would try: names, ids, cursors, tokens, filters."""
        tried = [*self.names, self.names[0].rpartition("/")[2], *self.values.values()]
        return [*tried, f'task = "{self.values["task"]}"']


async def plant_client(mesh: Mesh, client_id: str) -> str:
    """Make a client and return its name."""
    made = client_pb2.Client(display_name=mark("client"), description=mark("client"))
    request = client_service_pb2.CreateClientRequest(client_id=client_id, client=made)
    return (await mesh.owner("ClientService/CreateClient", request)).client.name  # type: ignore[no-any-return]


async def plant_project(mesh: Mesh, client: str, folder: Path) -> Planted:
    """Make a project with one of everything."""
    planted = Planted(client, "", [])
    group = await _group(mesh, planted)
    planted.project = await _project(mesh, planted, group)
    member = f"users/{planted.marked('member')}"
    await mesh.owner(
        "MemberService/SetMember",
        member_service_pb2.SetMemberRequest(
            parent=planted.project, principal=member, role="ROLE_VIEWER"
        ),
    )
    connection = await _connection(mesh, planted)
    key, _ = await mesh.hierarchy.key(planted.project, "EDITOR", display_name=planted.marked("key"))
    # Another one to call with: the first is revoked when it is that method's turn.
    _, planted.values["key_token"] = await mesh.hierarchy.key(planted.project, "EDITOR")
    task, approval, run = await _task(mesh, planted, folder)
    await _live_run(mesh, planted, folder)
    schedule = await _schedule(mesh, planted)
    planted.names = [task, run, approval, connection, key, planted.project, group, client, member]
    planted.names += [schedule, await _budget(mesh, planted)]
    await _tokens(mesh, planted, task)
    ids = (name.rpartition("/")[2] for name in planted.names if name != client)
    planted.marks.update(ids)
    return planted


async def _group(mesh: Mesh, planted: Planted) -> str:
    made = group_pb2.Group(display_name=planted.marked("group"))
    request = group_service_pb2.CreateGroupRequest(
        parent=planted.client, group_id=planted.marked("g"), group=made
    )
    return (await mesh.owner("GroupService/CreateGroup", request)).group.name  # type: ignore[no-any-return]


async def _project(mesh: Mesh, planted: Planted, group: str) -> str:
    made = project_pb2.Project(
        display_name=planted.marked("project"), description=planted.marked("project"), group=group
    )
    request = project_service_pb2.CreateProjectRequest(
        parent=planted.client, project_id=planted.marked("p"), project=made
    )
    return (await mesh.owner("ProjectService/CreateProject", request)).project.name  # type: ignore[no-any-return]


async def _connection(mesh: Mesh, planted: Planted) -> str:
    uri = f"https://{planted.marked('host')}.example/"
    request = connection_service_pb2.CreateConnectionRequest(
        parent=planted.project,
        connection_id=planted.marked("x"),
        connection=connection_pb2.Connection(
            display_name=planted.marked("connection"),
            uri_prefix=uri,
            username=planted.marked("username"),
        ),
        secret=planted.marked("secret"),
    )
    planted.values["uri"] = f"{uri}repository.git"
    return (await mesh.owner("ConnectionService/CreateConnection", request)).connection.name  # type: ignore[no-any-return]


async def _schedule(mesh: Mesh, planted: Planted) -> str:
    plan = f"- [ ] {planted.marked('step')}\n  run: true\n"
    request = schedule_service_pb2.CreateScheduleRequest(
        parent=planted.project,
        schedule_id=planted.marked("s"),
        schedule=schedule_pb2.Schedule(
            display_name=planted.marked("schedule"),
            cron="0 0 1 1 *",
            task=task_service_pb2.SubmitTaskRequest(parent=planted.project, instructions=plan),
        ),
    )
    return (await mesh.owner("ScheduleService/CreateSchedule", request)).schedule.name  # type: ignore[no-any-return]


async def _budget(mesh: Mesh, planted: Planted) -> str:
    budget = budget_pb2.Budget(display_name=planted.marked("budget"))
    budget.amount.currency_code = "USD"
    request = budget_service_pb2.CreateBudgetRequest(
        parent=planted.project, budget_id=planted.marked("b"), budget=budget
    )
    return (await mesh.owner("BudgetService/CreateBudget", request)).budget.name  # type: ignore[no-any-return]


async def plant_chat(mesh: Mesh, planted: Planted, user: Metadata, data_dir: Path) -> None:
    """Have the owner of a client talk in a session of their own."""
    short = "ChatService/CreateSession"
    request = chat_service_pb2.CreateSessionRequest(
        parent=planted.project,
        session=session_pb2.Session(display_name=planted.marked("session")),
    )
    made = chat_service_pb2.CreateSessionResponse.FromString(
        (await mesh.call(short, request, user)).bodies[0]
    )
    async with speaker(data_dir) as said:
        question = await said.ask(made.session.name, planted.marked("question"))
        answer = await said.answer(question, planted.marked("answer"))
    sending = chat_service_pb2.SendMessageRequest(
        parent=made.session.name, text=planted.marked("message")
    )
    sent = chat_service_pb2.SendMessageResponse.FromString(
        (await mesh.call("ChatService/SendMessage", sending, user)).bodies[0]
    )
    reading = chat_service_pb2.StreamResponseRequest(name=sent.response.name)
    await mesh.call("ChatService/StreamResponse", reading, user)  # to its end
    planted.names += [made.session.name, answer.name, sent.response.name]
    planted.marks.add(made.session.name.rpartition("/")[2])


async def _task(mesh: Mesh, planted: Planted, folder: Path) -> tuple[str, str, str]:
    """Return a task that waits, the approval that it waits for, and its run with an artifact."""
    output, text = planted.marked("output"), planted.marked("file")
    plan = f"# {planted.marked('title')}\n- [ ] {planted.marked('step')}\n"
    request = task_service_pb2.SubmitTaskRequest(
        parent=planted.project, instructions=f"{plan}  run: echo {output}; echo {text} > a.txt\n"
    )
    request.repository.uri = str(make_repository(folder / planted.marked("repository")))
    task = (await mesh.owner("TaskService/SubmitTask", request)).task.name
    await mesh.owner("TaskService/SubmitTask", request)  # so that a list has a second page
    listing = approval_service_pb2.ListApprovalsRequest(
        parent=planted.project, filter=f'task = "{task}" AND state = "PENDING"'
    )
    async with asyncio.timeout(_PATIENCE_S):
        while not (found := (await mesh.owner("ApprovalService/ListApprovals", listing)).approvals):
            await asyncio.sleep(0.05)
    wanted = task_service_pb2.GetTaskRequest(name=task)
    run = (await mesh.owner("TaskService/GetTask", wanted)).task.steps[0].run
    planted.values |= {"task": task, "project": planted.project}
    planted.marks.add(found[0].action_digest)
    return task, found[0].name, run


async def _live_run(mesh: Mesh, planted: Planted, folder: Path) -> None:
    """Start a run that goes on, and learn its token as its job does."""
    path = folder / planted.marked(TOKEN_FILE)
    # It goes on for as long as its file is there: jobs outlive their mesh.
    stay = f"while [ -e {path} ]; do sleep 0.2; done"
    line = f"echo {planted.marked('live')}; printenv ADJUTANT_REPORT_TOKEN > {path}; {stay}"
    spec = run_pb2.RunSpec(agent="command", command_line=line)
    request = run_service_pb2.StartRunRequest(parent=planted.project, spec=spec)
    planted.values["live_run"] = (await mesh.owner("RunService/StartRun", request)).run.name
    async with asyncio.timeout(_PATIENCE_S):
        while not (path.exists() and path.read_text().endswith("\n")):
            await asyncio.sleep(0.05)
    planted.values["report_token"] = path.read_text().strip()
    planted.marks.add(planted.values["report_token"])


async def _tokens(mesh: Mesh, planted: Planted, task: str) -> None:
    """Get cursors and page tokens as the rightful owner does."""
    watching: Any = task_service_pb2.WatchTaskRequest(name=task)
    frames = await mesh.owner("TaskService/WatchTask", watching)
    planted.values["cursor"] = frames[0].frame.cursor
    listing = task_service_pb2.ListTasksRequest(parent=planted.project, page_size=1)
    page = await mesh.owner("TaskService/ListTasks", listing)
    planted.values["page_token"] = page.next_page_token


async def plant_traces(data_dir: Path, planted: Planted) -> None:
    """Have a task and a response ask a model and call a tool, as the orchestrator records it."""
    async with recording(data_dir, planted.project) as record:
        for response, task in (("", planted.values["task"]), (planted.marked("r"), "")):
            scope = scope_of(planted.project, response, task=task, agent=planted.marked("agent"))
            call_id = planted.marked("call")
            text = planted.marked("answer")
            await record.model_call(scope, model_call(call_id, text=text))
            await record.tool_call(scope, tool_call(result=planted.marked("result")))
            trace = trace_name(scope)
            planted.names += [trace, call_name(trace, call_id)]
            planted.marks.add(trace.rpartition("/")[2])


async def plant_work(mesh: Mesh, planted: Planted) -> None:
    """Have a task done from its beginning to its end."""
    plan = f"# {planted.marked('title')}\n- [ ] {planted.marked('step')}\n  run: true\n"
    request = task_service_pb2.SubmitTaskRequest(parent=planted.project, instructions=plan)
    task = (await mesh.owner("TaskService/SubmitTask", request)).task.name
    wanted = task_service_pb2.GetTaskRequest(name=task)
    async with asyncio.timeout(_PATIENCE_S):
        while not (await mesh.owner("TaskService/GetTask", wanted)).task.HasField("end_time"):
            await asyncio.sleep(0.05)
