"""The run's state machine, its events, and its diagram in the README."""

import pathlib
from typing import Any

import pytest

from adjutant.common.v1 import run_pb2
from services.agent_runner.run import (
    STATES,
    Failure,
    RunRecord,
    RunSpec,
    job_id_of,
    move,
    name_of_job,
    seems,
)
from services.mesh.errors import AdjutantError
from services.mesh.store import now

NAME = "clients/acme/projects/web/runs/r-1"
README = pathlib.Path(__file__).parents[3] / "services/agent_runner/README.md"


def run_in(state: str, **facts: Any) -> RunRecord:
    return RunRecord(
        name=NAME,
        create_time=now(),
        update_time=now(),
        state=state,
        task="clients/acme/projects/web/tasks/t",
        agent="command",
        spec=RunSpec(agent="command"),
        spec_digest="",
        headers={},
        **facts,
    )


def test_the_states_are_the_contracts() -> None:
    names = {f"RUN_STATE_{state}" for state in STATES.transitions}
    assert names == set(run_pb2.RunState.keys()) - {"RUN_STATE_UNSPECIFIED"}


def test_a_final_state_is_announced_with_all_that_a_reader_needs() -> None:
    run = run_in("RUNNING", exit_code=3, liveness="ACTIVE")
    failure = Failure(reason="COMMAND_FAILED", message="it failed")
    (event,) = move(run, "FAILED", failure)
    changed = event.run_state_changed
    assert (event.resource, event.task) == (NAME, run.task)
    assert changed.previous_state == run_pb2.RUN_STATE_RUNNING
    assert changed.state == run_pb2.RUN_STATE_FAILED
    assert changed.exit_code == 3
    assert changed.failure.message == "it failed"
    assert run.liveness == ""


@pytest.mark.parametrize("state", sorted(STATES.final))
def test_nothing_follows_an_end(state: str) -> None:
    for wanted in STATES.transitions:
        with pytest.raises(AdjutantError) as caught:
            move(run_in(state), wanted)
        assert caught.value.reason == "ILLEGAL_TRANSITION"


def test_a_cancelled_run_ends_as_nothing_else() -> None:
    assert STATES.transitions["CANCELLING"] == ("CANCELLED",)


def test_liveness_is_told_when_it_is_news() -> None:
    run = run_in("RUNNING", liveness="ACTIVE")
    assert seems(run, "ACTIVE") is None
    assert seems(run, "SILENT") is not None
    assert seems(run_in("CANCELLING"), "SILENT") is None


def test_jobs_of_equal_ids_in_two_projects_differ() -> None:
    assert job_id_of(NAME) == "acme.web.r-1"
    assert job_id_of(NAME.replace("web", "shop")) == "acme.shop.r-1"
    assert name_of_job("acme.web.r-1") == NAME
    assert name_of_job("lost+found") == ""


def test_the_readme_shows_the_state_machine() -> None:
    assert STATES.mermaid() in README.read_text()
