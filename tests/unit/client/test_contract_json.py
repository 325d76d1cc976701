"""Messages are printed as the contract's JSON."""

import datetime
import json

from adjutant_messages.adjutant.agent_runner.v1 import RunSpec
from adjutant_messages.adjutant.common.v1 import TaskState
from adjutant_messages.adjutant.event.v1 import Event, EventFrame, EventKind, TaskStateChanged
from adjutant_messages.adjutant.orchestrator.v1 import Task
from services.client import to_json


def test_a_resource_is_one_line_with_the_contracts_names() -> None:
    created = datetime.datetime(2026, 1, 2, 3, 4, 5, tzinfo=datetime.UTC)
    task = Task(name="n", title="a\nb ü", state=TaskState.COMPLETED, create_time=created)
    text = to_json(task)
    assert "\n" not in text
    assert json.loads(text) == {
        "name": "n",
        "title": "a\nb ü",
        "state": "TASK_STATE_COMPLETED",
        "createTime": "2026-01-02T03:04:05Z",
    }


def test_a_frame_carries_its_cursor_and_payload() -> None:
    event = Event(
        event_id="e",
        kind=EventKind.TASK_STATE_CHANGED,
        task_state_changed=TaskStateChanged(state=TaskState.QUEUED),
    )
    assert json.loads(to_json(EventFrame(cursor="c", event=event))) == {
        "cursor": "c",
        "event": {
            "eventId": "e",
            "kind": "EVENT_KIND_TASK_STATE_CHANGED",
            "taskStateChanged": {"state": "TASK_STATE_QUEUED"},
        },
    }


def test_a_fraction_of_a_second_is_right() -> None:
    spec = RunSpec(timeout=datetime.timedelta(seconds=1.5))
    assert json.loads(to_json(spec)) == {"timeout": "1.500s"}
