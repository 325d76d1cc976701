"""Who is let in, and for how long: on a real server, with a real bucket of policies."""

import asyncio
import pathlib
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import grpc
import pytest
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

from adjutant.common.v1 import access_pb2
from adjutant.notification.v1 import subscription_service_pb2
from adjutant.orchestrator.v1 import task_service_pb2 as pb
from services.mesh.access import scope
from services.mesh.access.caller import Call, begin, current_call
from services.mesh.access.contract import method_of
from services.mesh.access.policy import Key, Node
from services.mesh.app import Mesh
from services.mesh.errors import AdjutantError
from services.mesh.events import Filter
from services.mesh.identity import Kind, Principal
from services.mesh.identity.api_keys import make_token
from services.mesh.interceptors.door import MAX_FROM_HOLDERS
from tests.integration.mesh.harness import PARENT, PATIENCE_S, TASK, eventually, publish, said, take
from tests.integration.mesh.serving import GET, Served, refused, serving
from tests.integration.mesh.test_interceptors import details
from tests.support.access import owner_of
from tests.unit.mesh.conftest import NOTES, Note, note

P = access_pb2.Permission
SUBSCRIBE = subscription_service_pb2.SubscribeRequest(parent=PARENT)
OTHER = "clients/other/projects/web"
_GET = "/adjutant.orchestrator.v1.TaskService/GetTask"
_SUBSCRIBE = "/adjutant.notification.v1.SubscriptionService/Subscribe"


@dataclass
class Visitor:
    """Somebody with an API key, and a channel that shows nothing by itself."""

    served: Served
    channel: grpc.aio.Channel
    token: str
    key: Key

    async def change(self, **fields: Any) -> None:
        """Change the key as its owner does."""
        changed = {"revision": self.key.revision + 1, **fields}
        self.key = self.key.model_copy(update=changed)
        await self.served.mesh.policies.put(self.key)

    def metadata(self, token: str | None = None) -> tuple[tuple[str, str], ...]:
        return (("authorization", f"Bearer {token or self.token}"),)

    async def get(self, request: bytes = GET.SerializeToString(), **options: Any) -> bytes:
        call: Any = self.channel.unary_unary(_GET)
        return await call(request, **{"metadata": self.metadata(), **options})  # type: ignore[no-any-return]

    def subscribe(self) -> Any:
        call = self.channel.unary_stream(
            _SUBSCRIBE,
            request_serializer=subscription_service_pb2.SubscribeRequest.SerializeToString,
            response_deserializer=subscription_service_pb2.SubscribeResponse.FromString,
        )
        return call(SUBSCRIBE, metadata=self.metadata())


async def reason_of(call: Any) -> str:
    error = await refused(call)
    return str(details(error)["ErrorInfo"].reason)


@pytest.fixture
async def served(tmp_path: pathlib.Path, nats: Any) -> AsyncIterator[Served]:
    async with serving(tmp_path, nats.url, stream_max_age_s=3600) as running:
        yield running


@pytest.fixture
async def visitor(served: Served) -> AsyncIterator[Visitor]:
    made = make_token()
    key = Key(
        name=f"{PARENT}/apiKeys/{made.key_id}",
        revision=1,
        key_id=made.key_id,
        scope=PARENT,
        permissions=[P.PERMISSION_TASKS_READ, P.PERMISSION_EVENTS_READ],
        salt=made.salt,
        digest=made.digest,
    )
    await served.mesh.policies.put(key)
    async with grpc.aio.insecure_channel(served.address) as channel:
        yield Visitor(served, channel, made.token, key)


def named(name: str) -> Note:
    """Return a record of the tests' own."""
    return note("n").model_copy(update={"name": name})


async def live(stream: Any) -> None:
    """Wait until a stream has shown that it is live."""
    async with asyncio.timeout(PATIENCE_S):
        while not (await stream.read()).frame.HasField("live"):
            continue


async def test_a_key_lets_in_for_what_it_may(visitor: Visitor) -> None:
    assert pb.GetTaskResponse.FromString(await visitor.get()).task.name == TASK
    cancel: Any = visitor.channel.unary_unary("/adjutant.orchestrator.v1.TaskService/CancelTask")
    request = pb.CancelTaskRequest(name=TASK).SerializeToString()
    assert await reason_of(cancel(request, metadata=visitor.metadata())) == "PERMISSION_DENIED"


async def test_without_an_identity_nothing_is_even_read(visitor: Visitor) -> None:
    for request in (GET.SerializeToString(), b"\xff\xff no protobuf"):
        assert await reason_of(visitor.get(request, metadata=())) == "UNAUTHENTICATED"
    assert await reason_of(visitor.get(b"\xff", metadata=visitor.metadata("adj_x_y"))) == (
        "INVALID_CREDENTIAL"
    )


async def test_what_is_no_protobuf_is_told_so(visitor: Visitor) -> None:
    assert await reason_of(visitor.get(b"\xff\xff")) == "INVALID_REQUEST"


async def test_a_method_that_says_nothing_of_access_is_denied_to_all(
    tmp_path: pathlib.Path, nats: Any
) -> None:
    file = descriptor_pb2.FileDescriptorProto(name="open.proto", package="open", syntax="proto3")
    file.message_type.add(name="Nothing")
    method = file.service.add(name="OpenService").method.add(name="Do")
    method.input_type = method.output_type = ".open.Nothing"
    pool = descriptor_pool.Default()
    pool.Add(file)
    nothing = message_factory.GetMessageClass(pool.FindMessageTypeByName("open.Nothing"))

    async def do(request: Any, context: Any) -> Any:
        raise AssertionError("it was let in")

    def add(mesh: Mesh) -> None:
        handler = grpc.unary_unary_rpc_method_handler(
            do, nothing.FromString, nothing.SerializeToString
        )
        generic = grpc.method_handlers_generic_handler("open.OpenService", {"Do": handler})
        mesh.server.add_generic_rpc_handlers((generic,))

    # The channel's own guard knows the contract's messages only; here bytes are sent.
    async with (
        serving(tmp_path, nats.url, add) as served,
        grpc.aio.insecure_channel(served.address) as bare,
    ):
        call: Any = bare.unary_unary("/open.OpenService/Do")
        assert await reason_of(call(b"", metadata=served.as_owner)) == "PERMISSION_DENIED"


async def test_a_stream_ends_when_its_key_is_revoked(visitor: Visitor) -> None:
    stream = visitor.subscribe()
    await live(stream)
    await visitor.change(revoked=True)
    error = await refused(stream.read())
    assert details(error)["ErrorInfo"].reason == "INVALID_CREDENTIAL"
    assert await reason_of(visitor.get()) == "INVALID_CREDENTIAL"


async def test_a_stream_ends_when_its_key_expires(visitor: Visitor) -> None:
    await visitor.change(expire_time=datetime.now(UTC) + timedelta(seconds=1.5))
    replica_key = visitor.served.mesh.authorizer._replica.key
    await eventually(lambda: replica_key(visitor.key.key_id) == visitor.key)
    stream = visitor.subscribe()
    await live(stream)
    error = await refused(stream.read())
    assert details(error)["ErrorInfo"].reason == "INVALID_CREDENTIAL"


async def test_a_stream_ends_when_its_project_is_removed(visitor: Visitor) -> None:
    stream = visitor.subscribe()
    await live(stream)
    await visitor.served.mesh.policies.put(Node(name=PARENT, revision=2, deleted=True))
    error = await refused(stream.read())
    assert details(error)["ErrorInfo"].reason == "PERMISSION_DENIED"


async def test_a_stream_ends_when_the_owners_token_is_rotated(served: Served) -> None:
    stream = served.subscriptions.Subscribe(SUBSCRIBE)
    await live(stream)
    token = served.mesh.settings.data_dir / "owner.token"
    another = token.with_suffix(".new")
    another.touch(0o600)
    another.write_text("another token of the owner's, made by hand")
    another.rename(token)
    error = await refused(stream.read())
    assert details(error)["ErrorInfo"].reason == "INVALID_CREDENTIAL"


async def test_a_stream_is_not_open_for_ever(tmp_path: pathlib.Path, nats: Any) -> None:
    async with serving(tmp_path, nats.url, stream_max_age_s=1.0) as served:
        stream = served.subscriptions.Subscribe(SUBSCRIBE)
        await live(stream)
        error = await refused(stream.read())
        assert details(error)["ErrorInfo"].reason == "STREAM_EXPIRED"


async def test_other_streams_go_on_when_one_is_cut(visitor: Visitor) -> None:
    cut, kept = visitor.subscribe(), visitor.served.subscriptions.Subscribe(SUBSCRIBE)
    await live(cut)
    await live(kept)
    await visitor.change(revoked=True)
    await refused(cut.read())
    await publish(visitor.served.mesh.events, said("still here"))
    async with asyncio.timeout(PATIENCE_S):
        assert (await kept.read()).frame.event.run_progress.message == "still here"


async def test_behind_the_door_another_clients_names_do_not_exist(served: Served) -> None:
    """The second line: were the door ever wrong, the store and the streams know nothing."""
    store, hub = served.mesh.store, served.mesh.hub
    foreign = named(f"{OTHER}/notes/n-1")
    await store.insert(NOTES, foreign)
    await store.insert(NOTES, named(f"{PARENT}/notes/n-1"))
    ada = Principal("users/ada", Kind.USER, "tests")

    async def within_a_call() -> None:
        begin(Call(ada, "tests", PARENT))
        assert await store.find(NOTES, foreign.name) is None
        for attempt in (
            lambda: store.get(NOTES, foreign.name),
            lambda: store.update(NOTES, foreign.name, lambda _: []),
            lambda: store.replace(NOTES, foreign),
            lambda: store.insert(NOTES, named(f"{OTHER}/notes/n-2")),
            lambda: store.page(NOTES, parent=OTHER),
            lambda: take(hub.stream(Filter(OTHER)), 1),
            lambda: served.mesh.blobs.put(f"runs/{OTHER}/runs/r/log", b""),
        ):
            with pytest.raises((AdjutantError, KeyError)):
                await attempt()
        assert [found.name async for found in store.scan(NOTES, {})] == [f"{PARENT}/notes/n-1"]
        call = current_call()
        assert call is not None
        call.answered = True
        assert (await store.get(NOTES, foreign.name)).name == foreign.name

    await asyncio.create_task(within_a_call())
    assert scope.client_of(OTHER) == "other"


async def silence() -> AsyncIterator[bytes]:
    """Send nothing, for as long as it is asked for."""
    await asyncio.Event().wait()
    yield b""


async def test_nobody_unknown_is_waited_for(visitor: Visitor) -> None:
    for metadata in ((), visitor.metadata("adj_" + "a" * 16 + "_" + "a" * 43)):
        call: Any = visitor.channel.stream_unary(_GET)
        async with asyncio.timeout(PATIENCE_S):
            error = await refused(call(silence(), metadata=metadata))
        assert error.code() == grpc.StatusCode.UNAUTHENTICATED


@pytest.mark.parametrize("deadline_s", [None, 3600])
async def test_no_request_is_waited_for_without_end(
    tmp_path: pathlib.Path, nats: Any, deadline_s: float | None
) -> None:
    async with serving(tmp_path, nats.url, unary_timeout_s=0.3) as served:
        shown = (("authorization", f"Bearer {owner_of(tmp_path)()}"),)
        once: Any = served.channel.stream_unary(_GET)
        stream: Any = served.channel.stream_stream(_SUBSCRIBE)
        async with asyncio.timeout(PATIENCE_S):
            answer = once(silence(), timeout=deadline_s, metadata=shown)
            assert await reason_of(answer) == "DEADLINE_TOO_SHORT"
            answers = stream(silence(), timeout=deadline_s, metadata=shown)
            assert await reason_of(answers.read()) == "DEADLINE_TOO_SHORT"


async def test_few_are_waited_for_who_say_who_they_are_in_the_request_alone(
    visitor: Visitor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(vars(method_of(_GET)), "own_credential", True)
    once: Any = visitor.channel.stream_unary(_GET)
    waiting = [asyncio.ensure_future(refused(once(silence()))) for _ in range(MAX_FROM_HOLDERS + 1)]
    async with asyncio.timeout(PATIENCE_S):
        done, late = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
    (error,) = [task.result() for task in done]
    assert details(error)["ErrorInfo"].reason == "RATE_LIMITED"
    for task in late:
        task.cancel()
    await asyncio.wait(late)


async def test_a_call_without_a_request_is_told_so(visitor: Visitor) -> None:
    call: Any = visitor.channel.stream_unary(_GET)
    assert await reason_of(call(iter(()), metadata=visitor.metadata())) == "INVALID_REQUEST"
