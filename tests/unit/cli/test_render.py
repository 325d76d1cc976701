"""What people see: text of others made harmless, spans, event lines."""

import datetime

import pytest

from adjutant_messages.adjutant.common.v1 import Failure, TaskState
from adjutant_messages.adjutant.event.v1 import (
    AccessChanged,
    AccessChangedChange,
    Event,
    EventFrame,
    Gap,
    Heartbeat,
    TaskStateChanged,
)
from services.cli.lines import frame_line
from services.cli.main import _with_checklist_last
from services.cli.render import age, failure_line, plain, short_ids, took


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("\x1b[31mred\x1b[0m", "red"),
        ("a\x1b]0;title\x07b", "a0;titleb"),
        ("bell\x07 back\x08 tab\t", "bell back tab\t"),
        ("häuser ✓", "häuser ✓"),
    ],
)
def test_text_of_others_cannot_steer_the_terminal(text: str, shown: str) -> None:
    assert plain(text) == shown


def test_spans_are_in_the_unit_that_reads_best() -> None:
    start = datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC)
    for seconds, shown in ((1.25, "1.2 s"), (90, "1 min 30 s"), (7200, "2 h"), (864000, "10 d")):
        assert took(start, start + datetime.timedelta(seconds=seconds)) == shown
    assert took(start, None) == ""
    assert age(None) == ""


def test_an_event_is_one_line_and_a_heartbeat_is_none() -> None:
    change = TaskStateChanged(state=TaskState.FAILED, failure=Failure(message="why"))
    event = Event(resource="clients/a/projects/b/tasks/t", task_state_changed=change)
    line = frame_line(EventFrame(event=event))
    assert line is not None
    assert line.plain == " task t  FAILED  UNSPECIFIED: why"
    removed = Event(
        resource="clients/a/projects/b",
        access_changed=AccessChanged(change=AccessChangedChange.DELETED),
    )
    line = frame_line(EventFrame(event=removed))
    assert line is not None
    assert line.plain == " project b  deleted"
    assert frame_line(EventFrame(heartbeat=Heartbeat())) is None
    gap = frame_line(EventFrame(gap=Gap(missing_count=3)))
    assert gap is not None
    assert gap.plain.startswith("3 events are missing")


def test_ids_are_shortened_only_where_that_stays_clear() -> None:
    one, two, three = (
        "x/tasks/0123456789abc-1",
        "x/tasks/0123456789abc-2",
        "x/tasks/9999-9999-999-3",
    )
    shown = short_ids([one, two, three], shorten=True)
    assert list(shown.values()) == ["0123456789abc-1", "0123456789abc-2", "9999-9999-999"]
    assert short_ids([three], shorten=False)[three] == "9999-9999-999-3"


def test_no_failure_is_no_words() -> None:
    assert failure_line(None) == ""


def test_a_checklist_is_no_option() -> None:
    assert _with_checklist_last(["new", "- [ ] a", "--yes"]) == ["new", "--yes", "--", "- [ ] a"]
    assert _with_checklist_last(["status", "--json"]) == ["status", "--json"]
