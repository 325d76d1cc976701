"""Events, and where they stand in the log."""

from datetime import UTC, datetime, timedelta

import pytest

from adjutant.common.v1 import access_pb2
from adjutant.event.v1 import access_events_pb2, event_pb2, run_events_pb2, task_events_pb2
from services.mesh.events import Filter, new_event
from services.mesh.events.envelope import PAYLOAD_KINDS, kind_token, subject_of
from services.mesh.events.streams import stream_of

PARENT = "clients/acme/projects/web"


def test_the_payload_decides_the_kind() -> None:
    event = new_event(resource=f"{PARENT}/runs/r-1", run_progress=run_events_pb2.RunProgress())
    assert event.kind == event_pb2.EVENT_KIND_RUN_PROGRESS
    assert event.WhichOneof("payload") == "run_progress"


def test_every_kind_has_a_payload_of_its_name() -> None:
    kinds = {number: name for name, number in event_pb2.EventKind.items() if number}
    assert {number: f"EVENT_KIND_{name.upper()}" for name, number in PAYLOAD_KINDS.items()} == kinds


def test_an_event_has_an_id_and_the_time_in_utc() -> None:
    one, two = (
        new_event(resource=f"{PARENT}/runs/r-1", run_progress=run_events_pb2.RunProgress())
        for _ in range(2)
    )
    assert one.event_id < two.event_id
    assert abs(one.time.ToDatetime(UTC) - datetime.now(UTC)) < timedelta(minutes=1)


def test_an_event_has_exactly_one_payload() -> None:
    with pytest.raises(ValueError, match="unpack"):
        new_event(resource=f"{PARENT}/runs/r-1")


def test_what_belongs_to_a_task_stands_under_the_task() -> None:
    task = f"{PARENT}/tasks/t-1"
    lone = new_event(resource=f"{PARENT}/runs/r-1", run_progress=run_events_pb2.RunProgress())
    owned = new_event(
        resource=f"{PARENT}/runs/r-1", task=task, run_progress=run_events_pb2.RunProgress()
    )
    itself = new_event(resource=task, task_progress=task_events_pb2.TaskProgress())
    assert subject_of(lone) == "adjutant.event.acme.web.runs.r-1.run_progress"
    assert subject_of(owned) == "adjutant.event.acme.web.tasks.t-1.run_progress"
    assert subject_of(itself) == "adjutant.event.acme.web.tasks.t-1.task_progress"


@pytest.mark.parametrize(
    ("resource", "place"),
    [
        (f"{PARENT}/tasks/t-1", "acme.web"),
        (PARENT, "acme.web"),
        ("clients/acme", "acme._"),
        ("clients/acme/apiKeys/k-1", "acme._"),
        ("clients/acme/groups/g/members/m", "acme._"),
        ("", "_._"),
        ("clients/*/projects/>", "_._"),
        ("clients/acme/projects/a.b", "acme._"),
        ("clients/" + "a" * 64, "_._"),
    ],
)
def test_an_audit_entry_stands_under_its_client_whatever_was_named(
    resource: str, place: str
) -> None:
    recorded = access_events_pb2.AuditRecorded(kind=access_pb2.AUDIT_KIND_CREDENTIAL_USE)
    entry = new_event(resource=resource, audit_recorded=recorded)
    assert subject_of(entry) == f"adjutant.audit.{place}.credential_use"
    assert stream_of(subject_of(entry)) == "ADJUTANT_AUDIT"


def test_a_filter_asks_the_log_for_no_more_than_it_must() -> None:
    kinds = frozenset({event_pb2.EVENT_KIND_RUN_PROGRESS})
    task = f"{PARENT}/tasks/t-1"
    assert Filter(PARENT).subjects == ["adjutant.event.acme.web.*.*.>"]
    assert Filter(PARENT, kinds=kinds).subjects == ["adjutant.event.acme.web.*.*.run_progress"]
    assert Filter(PARENT, task=task).subjects == ["adjutant.event.acme.web.tasks.t-1.>"]
    assert kind_token(event_pb2.EVENT_KIND_RUN_PROGRESS) == "run_progress"
