"""What the end of a job means, as a table."""

import pathlib
from typing import Any

import pytest

from services.agent_runner.agents import CommandAgent, GitAgent
from services.agent_runner.backend import JobExit
from services.agent_runner.outcome import failure_of


def ended(**facts: Any) -> JobExit:
    given: dict[str, Any] = {
        "reason": "ended",
        "exit_code": None,
        "signal": None,
        "verify_exit_code": None,
        "output_bytes": 0,
        "dropped_bytes": 0,
        "time_s": 0.0,
    }
    return JobExit(**(given | facts))


@pytest.mark.parametrize(
    ("found", "reason", "disposition", "words"),
    [
        (ended(exit_code=3), "COMMAND_FAILED", "WORK", "exit code 3; it said last: last words"),
        (ended(exit_code=127), "COMMAND_NOT_FOUND", "WORK", "no such command: last words"),
        (ended(signal=9), "COMMAND_FAILED", "WORK", "signal 9 (SIGKILL); perhaps"),
        (ended(signal=15), "COMMAND_FAILED", "WORK", "signal 15 (SIGTERM)"),
        (ended(exit_code=0, verify_exit_code=1), "VERIFY_FAILED", "WORK", "verify command"),
        (ended(reason="timeout"), "RUN_TIMEOUT", "WORK", "longer than 60 seconds"),
        (ended(reason="stuck"), "RUN_STUCK", "WORK", "for 900 seconds"),
        (ended(reason="cancelled"), "RUN_CANCELLED", "PERSON", "cancelled"),
        (ended(reason="terminated"), "RUN_LOST", "INFRASTRUCTURE", "start the run again"),
    ],
)
def test_bad_ends(found: JobExit, reason: str, disposition: str, words: str) -> None:
    failure = failure_of(found, CommandAgent(), "noise\nlast words\n\n", 60, 900)
    assert failure is not None
    assert (failure.reason, failure.disposition) == (reason, disposition)
    assert words in failure.message


def test_good_ends() -> None:
    for found in (ended(exit_code=0), ended(exit_code=0, verify_exit_code=0)):
        assert failure_of(found, CommandAgent(), "", 60, 900) is None


def test_git_speaks_for_itself() -> None:
    failure = failure_of(
        ended(exit_code=1),
        GitAgent({}, pathlib.Path("link")),
        "! [rejected] (fetch first)\n",
        60,
        900,
    )
    assert failure is not None
    assert failure.reason == "COMMIT_FAILED"
    assert "[rejected] (fetch first)" in failure.message
