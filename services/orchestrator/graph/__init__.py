"""The graph that every task goes through; `graph.py` draws it."""

from services.orchestrator.graph.graph import TaskGraph
from services.orchestrator.graph.ground import (
    WAITING_FOR_AGENT,
    WAITING_FOR_USER,
    PassStoppedError,
)

__all__ = ["WAITING_FOR_AGENT", "WAITING_FOR_USER", "PassStoppedError", "TaskGraph"]
