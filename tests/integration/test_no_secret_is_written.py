"""Secrets go into a whole mesh by every way there is, and come out of it nowhere.

The mesh is one of processes, logs at DEBUG and exports every span. Whatever it wrote or
answered is searched: all files, the databases cell by cell, the logs, the spans, the errors.
"""

import asyncio
import base64
import contextlib
import json
import pathlib
import secrets
import sqlite3
import time
from collections.abc import AsyncIterator, Iterator
from typing import Any
from urllib.parse import quote

import grpc
import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from adjutant.agent_runner.v1 import run_pb2, run_service_pb2
from adjutant.common.v1 import access_pb2
from adjutant.common.v1 import task_pb2 as states
from adjutant.orchestrator.v1 import (
    api_key_pb2,
    api_key_service_pb2,
    api_key_service_pb2_grpc,
    connection_pb2,
    connection_service_pb2,
    connection_service_pb2_grpc,
    identity_service_pb2,
    identity_service_pb2_grpc,
    task_pb2,
    task_service_pb2,
)
from tests.support.access import owner_of, showing
from tests.support.collector import CollectorDouble, collector_double
from tests.support.git_server import GitServer, git_server
from tests.support.mesh import PROJECT, Caller
from tests.support.processes import LiveMesh, live_mesh

CANARY = "canary-that-is-no-secret"
METHOD = "/adjutant.orchestrator.v1.TaskService/GetTask"


class Planted:
    """The secrets, by what they are, with every form that they could be written in."""

    def __init__(self) -> None:
        self._forms: dict[str, set[bytes]] = {}

    def new(self, name: str) -> str:
        """Return a fresh secret that looks like nothing that could be recognised."""
        return self.add(name, f"zq{secrets.token_hex(12)}")

    def add(self, name: str, secret: str) -> str:
        raw = secret.encode()
        # The middle of base64 is the same wherever the secret begins in what is encoded.
        shifted = (base64.b64encode(b"x" * lead + raw)[lead + 2 : -6] for lead in range(3))
        forms = {raw, raw.hex().encode(), quote(secret, safe="").encode(), *shifted}
        self._forms[name] = {form for form in forms if len(form) >= 8}
        return secret

    def in_content(self, content: bytes) -> set[str]:
        """Return the names of the secrets that some bytes hold."""
        return {name for name, forms in self._forms.items() if any(f in content for f in forms)}


class Visitor:
    """Calls the mesh in good and bad ways, and keeps every error's bytes."""

    def __init__(self, mesh: LiveMesh, caller: Caller, planted: Planted) -> None:
        self.caller = caller
        self.planted = planted
        self.errors: list[bytes] = []
        self._address = f"127.0.0.1:{mesh.port_base + 1}"
        self._data_dir = mesh.data_dir

    @contextlib.asynccontextmanager
    async def channel(self, token: str = "") -> AsyncIterator[grpc.aio.Channel]:
        shown = (lambda: token) if token else owner_of(self._data_dir)
        async with grpc.aio.insecure_channel(self._address, interceptors=showing(shown)) as channel:
            yield channel

    async def connections(self, method: str, request: Any) -> Any:
        async with self.channel() as channel:
            stub = connection_service_pb2_grpc.ConnectionServiceStub(channel)
            return await getattr(stub, method)(request)

    async def who(self, token: str) -> str:
        async with self.channel(token) as channel:
            stub: Any = identity_service_pb2_grpc.IdentityServiceStub(channel)
            return str(await stub.GetIdentity(identity_service_pb2.GetIdentityRequest()))

    async def refused(self, call: Any) -> grpc.StatusCode:
        """Return how a call was refused."""
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await call
        error = caught.value
        trailing = b"".join(
            value if isinstance(value, bytes) else value.encode()
            for _, value in error.trailing_metadata() or ()
        )
        self.errors.append((error.details() or "").encode() + trailing)
        return error.code()

    async def refused_raw(self, body: bytes, *metadata: tuple[str, str]) -> grpc.StatusCode:
        """Send bytes that need be no message."""
        async with grpc.aio.insecure_channel(self._address) as channel:
            call: Any = channel.unary_unary(METHOD)
            return await self.refused(call(body, metadata=metadata))


class People:
    """An issuer of JWTs with a key of its own."""

    def __init__(self, folder: pathlib.Path) -> None:
        self._key = Ed25519PrivateKey.generate()
        self._jwks = folder / "jwks.json"
        public = json.loads(jwt.algorithms.OKPAlgorithm.to_jwk(self._key.public_key()))
        keys = [public | {"kid": "k1", "use": "sig", "alg": "EdDSA"}]
        self._jwks.write_text(json.dumps({"keys": keys}))

    @property
    def setting(self) -> str:
        issuer = {"issuer": "https://login.example.com", "audience": "mesh"}
        return json.dumps([issuer | {"jwks_file": str(self._jwks)}])

    def token(self, lifetime_s: int = 600) -> str:
        claims = {
            "iss": "https://login.example.com",
            "aud": "mesh",
            "sub": "ada",
            "iat": int(time.time()) - 1000,
            "exp": int(time.time()) + lifetime_s,
        }
        return jwt.encode(claims, self._key, "EdDSA", headers={"kid": "k1"})


def test_the_search_finds_every_form() -> None:
    planted = Planted()
    secret = planted.new("one")
    for text in (secret, secret.encode().hex(), json.dumps({"a": secret})):
        assert planted.in_content(f"<{text}>".encode()) == {"one"}
    for before in ("", "a", "ab", "ada:"):
        encoded = base64.b64encode(f"{before}{secret} and more".encode())
        assert planted.in_content(encoded) == {"one"}, before
    assert planted.in_content(b"nothing of it") == set()


async def test_no_secret_is_written(tmp_path: pathlib.Path) -> None:
    planted, people = Planted(), People(tmp_path)
    data_dir = tmp_path / "data"
    git_secret = planted.new("connection secret")
    async with collector_double() as collector:
        with git_server(tmp_path / "server", secret=git_secret) as server:
            environ = {
                "ADJUTANT_LOG_LEVEL": "DEBUG",
                "ADJUTANT_OTLP_ENDPOINT": collector.endpoint,
                "ADJUTANT_JWT_ISSUERS": people.setting,
            }
            async with live_mesh(data_dir, **environ) as (mesh, caller):
                _plant_files(planted, data_dir)
                visitor = Visitor(mesh, caller, planted)
                await _show_credentials(visitor, people)
                await _use_connections(visitor, server, git_secret)
                await _report(visitor, tmp_path)
                await _send_nonsense(visitor)
                await _lose_the_master_key(visitor, server, data_dir)
                await mesh.kill("orchestrator")
                await _until_back(visitor)
        _require_controls(data_dir, collector)
        _require_clean(planted, visitor, collector, data_dir)


def _plant_files(planted: Planted, data_dir: pathlib.Path) -> None:
    """Take the secrets that the mesh made itself."""
    planted.add("owner token", (data_dir / "owner.token").read_text().strip())
    pem = (data_dir / "secrets" / "mesh.key").read_text().splitlines()
    planted.add("mesh key", "".join(pem[1:-1]))
    planted.add("event log token", (data_dir / "secrets" / "nats.token").read_text().strip())
    for line in (data_dir / "secrets" / "master.keys").read_text().splitlines():
        planted.add("master key", json.loads(line)["key"])


async def _show_credentials(visitor: Visitor, people: People) -> None:
    """Show good, wrong, expired and senseless credentials."""
    planted = visitor.planted
    good, expired = people.token(), people.token(-100)
    planted.add("JWT", good.rpartition(".")[2])
    planted.add("expired JWT", expired.rpartition(".")[2])
    assert "users/ada" in await visitor.who(good)
    async with visitor.channel() as channel:
        stub: Any = api_key_service_pb2_grpc.ApiKeyServiceStub(channel)
        made = await stub.CreateApiKey(
            api_key_service_pb2.CreateApiKeyRequest(
                parent=PROJECT,
                api_key=api_key_pb2.ApiKey(display_name=CANARY, role=access_pb2.ROLE_EDITOR),
            )
        )
    planted.add("API key", made.token.rpartition("_")[2])
    assert made.api_key.name in await visitor.who(made.token)
    wrong = f"{made.token.rpartition('_')[0]}_{planted.new('wrong API key') * 2}"[:64]
    unauthenticated = grpc.StatusCode.UNAUTHENTICATED
    for token in (expired, good[:-9] + "AAAAAAAAA", wrong, planted.new("unknown token")):
        assert await visitor.refused(visitor.who(token)) is unauthenticated
    basic = base64.b64encode(f"ada:{planted.new('basic password')}".encode()).decode()
    for header in (f"Basic {basic}", planted.new("bare token"), "Bearer"):
        assert await visitor.refused_raw(b"", ("authorization", header)) is unauthenticated
    platform = f"password={planted.new('platform')}"
    await visitor.refused_raw(
        b"", ("authorization", f"Bearer {good}"), ("adjutant-platform", platform)
    )


async def _use_connections(visitor: Visitor, server: GitServer, secret: str) -> None:
    """Store secrets well and badly, and have tasks use them."""
    planted, caller = visitor.planted, visitor.caller

    def create(connection_id: str, prefix: str, own: str) -> Any:
        request = connection_service_pb2.CreateConnectionRequest(
            parent=PROJECT,
            connection_id=connection_id,
            request_id=f"request-{connection_id}",
            connection=connection_pb2.Connection(uri_prefix=prefix, username="ada"),
            secret=own,
        )
        return visitor.connections("CreateConnection", request)

    made = (await create("git", server.url, secret)).connection
    invalid = grpc.StatusCode.INVALID_ARGUMENT
    assert await visitor.refused(create("NO ID", server.url, planted.new("bad id"))) is invalid
    lines = f"{planted.new('two lines')}\n"
    assert await visitor.refused(create("lines", server.url, lines)) is invalid
    with_user = f"https://ada:{planted.new('prefix password')}@git.example.com"
    assert await visitor.refused(create("user", with_user, "s")) is invalid
    again = planted.new("repeated secret")
    assert await visitor.refused(create("git", server.url, again)) is grpc.StatusCode.ALREADY_EXISTS
    # A person, whoever it is, never gets a secret back.
    use = connection_service_pb2.UseConnectionRequest(parent=PROJECT, uri=server.uri)
    denied = await visitor.refused(visitor.connections("UseConnection", use))
    assert denied is grpc.StatusCode.PERMISSION_DENIED
    get = connection_service_pb2.GetConnectionRequest(name=made.name)
    assert not planted.in_content(
        (await visitor.connections("GetConnection", get)).SerializeToString()
    )
    task = await _done(caller, server.uri)
    assert task.state == states.TASK_STATE_COMPLETED, task.failure
    server.secret = "changed"  # the server refuses what is stored
    assert (await _done(caller, server.uri)).state == states.TASK_STATE_FAILED
    server.secret = secret
    for uri in (
        f"https://ada:{planted.new('repository password')}@git.example.com/web.git",
        f"https://{planted.new('repository token')}@git.example.com/web.git",
        f"ssh://git:{planted.new('ssh password')}@git.example.com/web.git",
    ):
        assert await visitor.refused(_done(caller, uri)) is invalid
        spec = run_pb2.RunSpec(agent="command", command_line="true")
        spec.workspace.repository_uri = uri
        start = run_service_pb2.StartRunRequest(parent=PROJECT, spec=spec)
        assert await visitor.refused(caller.runs.StartRun(start)) is invalid


async def _done(caller: Caller, uri: str) -> task_pb2.Task:
    task = await caller.submit(
        "- [ ] greet\n  run: date >> README",
        title=CANARY,
        repository=task_pb2.Repository(uri=uri, branch=f"b-{secrets.token_hex(4)}"),
        approval_policy=task_pb2.APPROVAL_POLICY_APPROVE,
    )
    return await caller.finished(task.name)


async def _report(visitor: Visitor, folder: pathlib.Path) -> None:
    """Let a job tell its report token to nobody but us, and report with it."""
    planted, caller = visitor.planted, visitor.caller
    told = folder / "report_token"
    script = folder / "tell.sh"
    script.write_text(
        f'printf %s "$ADJUTANT_REPORT_TOKEN" > {told}.new; mv {told}.new {told}\n'
        f"while [ -e {told} ]; do sleep 0.05; done\n"
    )
    plan = f"- [ ] tell\n  run: sh {script}"
    task = await caller.submit(plan)
    async with asyncio.timeout(30):
        while not told.exists():
            await asyncio.sleep(0.05)
    token = planted.add("report token", told.read_text())
    run = (await caller.task(task.name)).steps[0].run
    report = run_service_pb2.ReportRunRequest(name=run, report_token=token, message=CANARY)
    await caller.runs.ReportRun(report)
    answers = set()
    guess = planted.new("guessed report token")
    for name in (run, f"{PROJECT}/runs/none", "clients/none/projects/none/runs/none"):
        wrong = run_service_pb2.ReportRunRequest(name=name, report_token=guess)
        assert await visitor.refused(caller.runs.ReportRun(wrong)) is (
            grpc.StatusCode.PERMISSION_DENIED
        )
        answers.add(visitor.errors[-1])
    assert len(answers) == 1, "nobody learns which runs there are"
    told.unlink()
    assert (await caller.finished(task.name)).state == states.TASK_STATE_COMPLETED


async def _send_nonsense(visitor: Visitor) -> None:
    """Send requests that are wrong in many ways, with secrets in them."""
    planted, caller = visitor.planted, visitor.caller
    listing = task_service_pb2.ListTasksRequest
    for request in (
        listing(parent=PROJECT, filter=f"password={planted.new('filter')}"),
        listing(parent=PROJECT, filter=f'state = "x" OR token={planted.new("filter tail")}'),
        listing(parent=PROJECT, order_by=f"secret={planted.new('order')}"),
        listing(parent=PROJECT, page_token=planted.new("page token")),
        listing(parent=planted.new("parent")),
    ):
        await visitor.refused(caller.tasks.ListTasks(request))
    get = task_service_pb2.GetTaskRequest
    await visitor.refused(caller.tasks.GetTask(get(name=planted.new("name"))))
    await visitor.refused(caller.tasks.GetTask(get(name=f"{PROJECT}/tasks/none")))
    owner = owner_of(visitor._data_dir)()
    shown = ("authorization", f"Bearer {owner}")
    body = planted.new("garbage").encode()
    for garbage in (body, b"\x0a\xff\xff\xff\xff\x0f" + body, b"\xff" * 9 + body):
        await visitor.refused_raw(garbage, shown)
    await visitor.refused_raw(body, ("authorization", f"Bearer {planted.new('raw token')}"))


async def _lose_the_master_key(visitor: Visitor, server: GitServer, data_dir: pathlib.Path) -> None:
    """Take the master keys away for a while: secrets cannot be read, and that is told."""
    ring = data_dir / "secrets" / "master.keys"
    ring.rename(ring.with_suffix(".away"))
    task = await _done(visitor.caller, server.uri)
    assert task.state == states.TASK_STATE_FAILED
    assert "master keys" in str(task.steps[0].failure)
    ring.with_suffix(".away").rename(ring)


async def _until_back(visitor: Visitor) -> None:
    async with asyncio.timeout(30):
        while True:
            with contextlib.suppress(grpc.aio.AioRpcError):
                await visitor.caller.tasks.ListTasks(
                    task_service_pb2.ListTasksRequest(parent=PROJECT)
                )
                return
            await asyncio.sleep(0.1)


ALLOWED = {
    "owner.token": {"owner token"},
    "secrets/mesh.key": {"mesh key"},
    "secrets/nats.token": {"event log token"},
    "nats/nats.conf": {"event log token"},
    "secrets/master.keys": {"master key"},
}
"""The files that hold a secret because that is what they are for; each only its own."""


def _written(data_dir: pathlib.Path) -> Iterator[tuple[str, bytes]]:
    """Yield everything that the mesh wrote, and databases a second time, cell by cell."""
    yield "log of up", data_dir.with_suffix(".log").read_bytes()
    for path in sorted(data_dir.rglob("*")):
        if path.is_file():
            yield str(path.relative_to(data_dir)), path.read_bytes()
    for path in (*data_dir.rglob("store.db"), *data_dir.rglob("checkpoints.db")):
        with contextlib.closing(sqlite3.connect(path)) as database:
            tables = database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")
            for (table,) in tables.fetchall():
                for row in database.execute(f'SELECT * FROM "{table}"'):
                    cells = (c if isinstance(c, bytes) else str(c).encode() for c in row)
                    yield f"{path.name} {table}", b"\0".join(cells)


def _require_controls(data_dir: pathlib.Path, collector: CollectorDouble) -> None:
    """Show that the search sees what is there, and that the mesh wrote a lot."""
    canary = Planted()
    canary.add("canary", CANARY)
    places = [place for place, content in _written(data_dir) if canary.in_content(content)]
    assert any(place.startswith("store.db") for place in places), places
    assert any("nats" in place for place in places), places
    logs = "".join(path.read_text() for path in (data_dir / "logs").glob("*.log"))
    assert '"level": "DEBUG"' in logs
    assert any("UseConnection" in name for name in collector.span_names)
    assert any("StartRun" in name for name in collector.span_names)


def _require_clean(
    planted: Planted, visitor: Visitor, collector: CollectorDouble, data_dir: pathlib.Path
) -> None:
    found = [
        (place, name)
        for place, content in _written(data_dir)
        for name in planted.in_content(content) - ALLOWED.get(place, set())
    ]
    found += [("a span", name) for name in planted.in_content(collector.content)]
    found += [("an error", name) for error in visitor.errors for name in planted.in_content(error)]
    assert found == []
    own = [planted.in_content((data_dir / place).read_bytes()) for place in ALLOWED]
    assert own == list(ALLOWED.values()), "the secrets are where they belong"
    modes = {place: (data_dir / place).stat().st_mode & 0o077 for place in ALLOWED}
    assert not any(modes.values()), modes
