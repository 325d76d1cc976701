"""Cursors: opaque, and good only where and for what they were given."""

import dataclasses

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adjutant.event.v1 import access_events_pb2, event_pb2, run_events_pb2
from services.mesh.errors import AdjutantError
from services.mesh.events import Filter, new_event
from services.mesh.events.cursor import Cursor, decode, encode

PARENT = "clients/acme/projects/web"
TASK = f"{PARENT}/tasks/t-1"
RUN_STATE = event_pb2.EVENT_KIND_RUN_STATE_CHANGED
RUN_PROGRESS = event_pb2.EVENT_KIND_RUN_PROGRESS

filters = st.builds(
    Filter,
    st.just(PARENT),
    task=st.sampled_from(["", TASK]),
    resource=st.sampled_from(["", f"{PARENT}/runs/r-1"]),
    kinds=st.frozensets(st.sampled_from(event_pb2.EventKind.values()[1:])),
)
cursors = st.builds(
    Cursor, st.binary(min_size=8, max_size=8), st.integers(min_value=0, max_value=2**64 - 1)
)


@given(cursors, filters)
def test_what_goes_in_comes_out(cursor: Cursor, events: Filter) -> None:
    assert decode(encode(cursor, events), events) == cursor


@given(cursors, filters, filters)
def test_a_cursor_is_refused_for_another_filter(cursor: Cursor, one: Filter, two: Filter) -> None:
    if one == two:
        return
    with pytest.raises(AdjutantError) as caught:
        decode(encode(cursor, one), two)
    assert caught.value.reason == "INVALID_CURSOR"
    assert caught.value.field == "cursor"
    assert "another filter" in caught.value.message


@given(st.text())
def test_what_was_made_up_is_refused(text: str) -> None:
    with pytest.raises(AdjutantError) as caught:
        decode(text, Filter(PARENT))
    assert caught.value.reason == "INVALID_CURSOR"


@given(cursors, st.data())
def test_what_was_tampered_with_is_refused(cursor: Cursor, data: st.DataObject) -> None:
    text = encode(cursor, Filter(PARENT))
    at = data.draw(st.integers(0, len(text) - 1))
    other = data.draw(st.characters(codec="ascii").filter(lambda c: c != text[at]))
    with pytest.raises(AdjutantError) as caught:
        decode(text[:at] + other + text[at + 1 :], Filter(PARENT))
    assert caught.value.reason == "INVALID_CURSOR"


@given(cursors)
def test_a_cursor_that_was_cut_off_is_refused(cursor: Cursor) -> None:
    with pytest.raises(AdjutantError):
        decode(encode(cursor, Filter(PARENT))[:-4], Filter(PARENT))


def test_it_is_opaque_and_short() -> None:
    text = encode(Cursor(b"12345678", 42), Filter(PARENT, task=TASK))
    assert text.replace("-", "").replace("_", "").isalnum()
    assert len(text) < 64


def test_it_is_bound_to_the_log_that_it_was_given_for() -> None:
    cursor = Cursor(b"12345678", 42)
    other = dataclasses.replace(cursor, epoch=b"87654321")
    assert encode(cursor, Filter(PARENT)) != encode(other, Filter(PARENT))


def of_run(run: str, task: str = "") -> event_pb2.Event:
    return new_event(
        resource=f"{PARENT}/runs/{run}", task=task, run_progress=run_events_pb2.RunProgress()
    )


def test_a_filter_for_a_project_takes_all_of_it_and_nothing_else() -> None:
    assert Filter(PARENT).matches(of_run("r-1"))
    assert not Filter("clients/acme/projects/we").matches(of_run("r-1"))


def test_a_filter_for_a_client_takes_what_is_in_its_projects_and_its_own() -> None:
    client = Filter("clients/acme", kinds=frozenset({RUN_PROGRESS}))
    assert client.matches(of_run("r-1"))
    assert client.subjects == ["adjutant.event.acme.*.*.*.run_progress"]
    assert not Filter("clients/acm").matches(of_run("r-1"))


def test_a_filter_for_a_task_takes_its_runs_too() -> None:
    assert Filter(PARENT, task=TASK).matches(of_run("r-1", TASK))
    assert not Filter(PARENT, task=TASK).matches(of_run("r-1"))


def test_a_filter_for_a_resource_takes_it_alone() -> None:
    events = Filter(PARENT, resource=f"{PARENT}/runs/r-1")
    assert events.matches(of_run("r-1", TASK))
    assert not events.matches(of_run("r-2", TASK))


def test_a_filter_for_kinds_takes_those() -> None:
    assert Filter(PARENT, kinds=frozenset({RUN_PROGRESS, RUN_STATE})).matches(of_run("r-1"))
    assert not Filter(PARENT, kinds=frozenset({RUN_STATE})).matches(of_run("r-1"))


def test_a_follower_hears_of_the_project_and_not_of_what_gives_access_to_it() -> None:
    changed = access_events_pb2.AccessChanged(change=access_events_pb2.AccessChanged.CHANGE_UPDATED)
    matches = Filter(PARENT).matches
    assert matches(new_event(resource=PARENT, access_changed=changed))
    for hidden in (f"{PARENT}/apiKeys/k", f"{PARENT}0", "clients/acme", "clients/acme/groups/g"):
        assert not matches(new_event(resource=hidden, access_changed=changed))
