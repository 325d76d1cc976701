"""What a job said of itself, between replicas: as it lies in the job's folder."""

from __future__ import annotations

from services.agent_runner.backend import JobWord
from services.agent_runner.run import Money, Report


def word_of(report: Report) -> JobWord:
    """Return a report as it is left for the replica that looks after the run."""
    cost = report.cost.model_dump() if report.cost else None
    return JobWord(report.percent, report.message, cost)


def report_of(word: JobWord) -> Report:
    """Return what was left as the report that it was."""
    return Report(word.percent, word.message, Money(**word.cost) if word.cost else None)
