"""What the end of a job means for its run: a pure function."""

from __future__ import annotations

from typing import TYPE_CHECKING

from services.agent_runner.agents import command_failed, killed
from services.agent_runner.errors import INFRASTRUCTURE, PERSON, RunFailure

if TYPE_CHECKING:
    from services.agent_runner.agents import Agent
    from services.agent_runner.backend import JobExit

STUCK = "stuck"
"""Why a job is asked to end that has been silent for too long."""
CANCELLED = "cancelled"
"""Why a job is asked to end that somebody cancelled."""


def failure_of(
    job_exit: JobExit, agent: Agent, last_words: str, timeout_s: float, stuck_after_s: float
) -> RunFailure | None:
    """Say why a job that ended did so badly; None where it succeeded.

    `last_words` is the end of what it printed.
    """
    if job_exit.reason != "ended":
        return _ended_by_us(job_exit.reason, timeout_s, stuck_after_s)
    if job_exit.signal is not None:
        return killed(job_exit.signal)
    if job_exit.exit_code:
        return agent.failure(job_exit.exit_code, last_words)
    if job_exit.verify_exit_code:
        words = command_failed("the verify command", job_exit.verify_exit_code, last_words)
        return RunFailure("VERIFY_FAILED", words)
    return None


def cancelled() -> RunFailure:
    """Say that a run was cancelled."""
    return RunFailure("RUN_CANCELLED", "the run was cancelled", PERSON)


def lost(detail: str) -> RunFailure:
    """Say that a job's end is not known."""
    return RunFailure("RUN_LOST", f"{detail}; start the run again", INFRASTRUCTURE)


def _ended_by_us(reason: str, timeout_s: float, stuck_after_s: float) -> RunFailure:
    if reason == "timeout":
        return RunFailure(
            "RUN_TIMEOUT",
            f"the run took longer than {timeout_s:g} seconds and was ended; give it a longer"
            " timeout or less to do",
        )
    if reason == STUCK:
        return RunFailure(
            "RUN_STUCK",
            f"the run neither printed, reported nor computed anything for {stuck_after_s:g}"
            " seconds and was ended; let it print what it waits for",
        )
    if reason == CANCELLED:
        return cancelled()
    return lost("the job was asked to end from outside, as when the machine is shut down")
