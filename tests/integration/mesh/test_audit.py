"""The audit log: a stream that only grows, and that no subscriber sees."""

import asyncio
import pathlib
from datetime import UTC, datetime, timedelta

import pytest
from nats.js.errors import APIError

from adjutant.common.v1 import access_pb2
from adjutant.event.v1 import event_pb2
from services.mesh.app import Mesh
from services.mesh.audit import Caller, new_entry
from services.mesh.config import MeshSettings
from services.mesh.embedded import EmbeddedNats
from services.mesh.events import EventLog, Relay
from services.mesh.events.streams import AUDIT_STREAM
from services.mesh.identity import Kind, Principal
from services.mesh.store import Store, open_store
from tests.integration.mesh.conftest import Connect
from tests.integration.mesh.harness import (
    PATIENCE_S,
    PROJECT,
    TASK,
    eventually,
    following,
    publish,
    running,
    said,
    until,
    words,
)
from tests.integration.mesh.serving import serving
from tests.unit.mesh.conftest import NOTES

ADA = Caller(Principal("users/ada", Kind.USER, "https://issuer.example"))
METHOD = "adjutant.orchestrator.v1.TaskService/CancelTask"


def deleted(resource: str = TASK) -> event_pb2.Event:
    return new_entry("small", access_pb2.AUDIT_KIND_DELETION, ADA, METHOD, resource)


async def in_audit_log(event_log: EventLog) -> list[event_pb2.Event]:
    state = (await event_log.jetstream.stream_info(AUDIT_STREAM)).state
    messages = [
        await event_log.jetstream.get_msg(AUDIT_STREAM, sequence)
        for sequence in range(state.first_seq, state.last_seq + 1)
    ]
    return [event_pb2.Event.FromString(message.data or b"") for message in messages]


@pytest.fixture
async def store(tmp_path: pathlib.Path) -> Store:
    return await open_store(tmp_path / "store.db", [NOTES])


async def test_nobody_can_take_an_entry_out(event_log: EventLog) -> None:
    await publish(event_log, deleted())
    with pytest.raises(APIError, match="delete not permitted"):
        await event_log.jetstream.delete_msg(AUDIT_STREAM, 1)
    with pytest.raises(APIError, match="purge not permitted"):
        await event_log.jetstream.purge_stream(AUDIT_STREAM)
    info = await event_log.jetstream.stream_info(AUDIT_STREAM)
    with pytest.raises(APIError, match="can not cancel deny"):
        await event_log.jetstream.update_stream(info.config.evolve(deny_delete=False))
    assert info.state.messages == 1
    assert info.config.max_age == 400 * 86400


async def test_how_long_entries_stay_can_be_changed(connect: Connect) -> None:
    await connect()
    again = await connect(audit_max_age_s=86400.0)
    info = await again.jetstream.stream_info(AUDIT_STREAM)
    assert (info.config.max_age, info.config.deny_purge) == (86400, True)


async def test_the_relay_publishes_them_beside_the_events(
    event_log: EventLog, store: Store
) -> None:
    entry = deleted()
    await store.append([said("one"), entry, said("two")])
    async with running(Relay(store, event_log, MeshSettings()).run()):
        async with asyncio.timeout(PATIENCE_S):
            while await store.outbox(1):
                await asyncio.sleep(0.01)
    assert await in_audit_log(event_log) == [entry]
    assert (await event_log.state()).last_sequence == 2
    await store.close()


async def test_a_repeat_after_a_long_outage_is_one_entry(event_log: EventLog, store: Store) -> None:
    old = deleted()
    old.time.FromDatetime(datetime.now(UTC) - timedelta(hours=1))
    # The log itself remembers ids for a while; another id stands for one that it has forgotten.
    payload = old.SerializeToString()
    await event_log.jetstream.publish("adjutant.audit.acme.web.deletion", payload)
    relay = Relay(store, event_log, MeshSettings())
    await store.append([old])
    await relay.drain()
    assert await store.outbox(1) == []
    assert await in_audit_log(event_log) == [old]
    await store.close()


async def test_no_subscriber_sees_one(event_log: EventLog) -> None:
    async with following(event_log) as hub:
        stream = hub.stream(PROJECT)
        assert words([await anext(stream)]) == ["LIVE"]
        await publish(event_log, deleted(), said("one"), deleted(), said("last"))
        assert words(await until(stream, "last")) == ["one", "last"]
        replayed = await until(hub.stream(PROJECT, from_start=True), "last")
        assert words(replayed) == ["one", "last", "LIVE"][: len(replayed)]


async def test_a_service_writes_entries_and_hands_them_to_their_consumer_alone(
    tmp_path: pathlib.Path, nats: EmbeddedNats
) -> None:
    audited: list[event_pb2.Event] = []
    denials: list[event_pb2.Event] = []
    others: list[event_pb2.Event] = []

    async def on_audit(event: event_pb2.Event) -> None:
        audited.append(event)

    async def on_denial(event: event_pb2.Event) -> None:
        denials.append(event)

    async def on_event(event: event_pb2.Event) -> None:
        others.append(event)

    def consume(mesh: Mesh) -> None:
        mesh.consume_audit("audit-readers", on_audit)
        mesh.consume_audit("denial-readers", on_denial, [access_pb2.AUDIT_KIND_DENIAL])
        kinds = [event_pb2.EVENT_KIND_RUN_PROGRESS, event_pb2.EVENT_KIND_AUDIT_RECORDED]
        mesh.consume("readers", kinds, on_event)

    async with serving(tmp_path, nats.url, consume) as served:
        entry = deleted("clients/acme")
        await served.mesh.store.append([entry, said("one")])
        served.mesh.audit.denied("PERMISSION_DENIED", ADA, METHOD, TASK)
        served.mesh.audit.denied("PERMISSION_DENIED", ADA, METHOD, TASK)
        await eventually(lambda: len(audited) == 2 and denials and others)
    assert audited[0] == entry
    assert audited[1:] == denials
    assert [event.kind for event in others] == [event_pb2.EVENT_KIND_RUN_PROGRESS]
    log = await EventLog.connect(MeshSettings(nats_url=nats.url))
    entries = await in_audit_log(log)
    await log.close()
    assert entries[-1].audit_recorded.count == 1, (
        "what was counted is written when the service ends"
    )
    assert len(entries) == 3
