"""The graph that every task goes through, on LangGraph.

    decompose → plan → execute → wait_for_agent → evaluate → git_operations
                 ↕        ↑______________↓____________|      ↕ wait_for_user
           wait_for_user             escalate ↔ wait_for_user

The task record says how far each step is; the checkpoint says where in the
graph the task is. Every node may run twice (a crash comes between its work and
its checkpoint), so each reads the record and does only what is missing.

Waiting is one interrupt over all runs that are under way, and any of them
ends it. A branch of its own per step (`Send`) would hold a step back until
every other one of the same superstep has ended.
"""

from typing import Any

from langgraph.checkpoint.base import BaseCheckpointSaver
from langgraph.graph import START, StateGraph
from langgraph.graph.state import CompiledStateGraph

from services.mesh.store import Store
from services.orchestrator.adapters.runner import Runner
from services.orchestrator.approvals.asking import Asker
from services.orchestrator.graph.asking import Asking
from services.orchestrator.graph.escalation import Escalation
from services.orchestrator.graph.execution import Execution
from services.orchestrator.graph.git_operations import GitOperations
from services.orchestrator.graph.ground import Ground, State
from services.orchestrator.graph.planning import Planning
from services.orchestrator.plans.estimate import Estimates
from services.orchestrator.plans.planner import Planner
from services.orchestrator.plans.proposal import Proposer


class TaskGraph:
    """The nodes, on the orchestrator's parts."""

    def __init__(
        self,
        store: Store,
        runner: Runner,
        planner: Planner,
        estimates: Estimates,
        asker: Asker,
        max_step_iterations: int,
        proposer: Proposer | None = None,
    ) -> None:
        """Take how often a step may be started, where its project does not say.

        `proposer` makes plans of plain words; None where nobody does.
        """
        self._ground = Ground(store, runner)
        self._asking = Asking(self._ground, asker)
        self._planning = Planning(self._ground, self._asking, planner, estimates, proposer)
        self._execution = Execution(self._ground, max_step_iterations)
        self._escalation = Escalation(self._ground, self._asking)
        self._git_operations = GitOperations(self._ground, self._asking)

    def compile(
        self, saver: BaseCheckpointSaver[str]
    ) -> CompiledStateGraph[State, Any, State, State]:
        """Return the graph, checkpointed by the saver."""
        execution, git = self._execution, self._git_operations
        graph = StateGraph(State)
        graph.add_node("decompose", self._planning.decompose)
        graph.add_node("plan", self._planning.plan)
        graph.add_node("execute", execution.execute)
        graph.add_node("wait_for_agent", execution.wait_for_agent)
        graph.add_node("evaluate", execution.evaluate)
        graph.add_node("escalate", self._escalation.escalate)
        graph.add_node("git_operations", git.git_operations)
        graph.add_node("wait_for_user", self._asking.wait_for_user)
        graph.add_edge(START, "decompose")
        graph.add_edge("execute", "wait_for_agent")
        graph.add_edge("wait_for_agent", "evaluate")
        return graph.compile(checkpointer=saver)
