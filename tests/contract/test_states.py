"""The READMEs show the state machines as the code has them."""

import subprocess
import sys
from itertools import product

import pytest

from services.agent_runner.run import STATES as RUN_STATES
from services.mesh.errors import AdjutantError
from services.mesh.statemachine import StateMachine
from services.orchestrator.approvals.approval import APPROVAL_STATES
from services.orchestrator.tasks.step import STEP_STATES
from services.orchestrator.tasks.task import TASK_STATES

MACHINES = [TASK_STATES, STEP_STATES, APPROVAL_STATES, RUN_STATES]


def test_the_diagrams_are_those_of_the_tables() -> None:
    done = subprocess.run([sys.executable, "docs/states.py", "--check"], capture_output=True)
    assert done.returncode == 0, done.stderr.decode()


@pytest.mark.parametrize("machine", MACHINES, ids=lambda machine: machine.noun)
def test_only_what_the_table_allows_is_allowed(machine: StateMachine) -> None:
    for current, wanted in product(machine.transitions, repeat=2):
        if wanted in machine.transitions[current]:
            machine.check(current, wanted)
        else:
            with pytest.raises(AdjutantError) as refused:
                machine.check(current, wanted)
            assert refused.value.reason == "ILLEGAL_TRANSITION"
            assert refused.value.metadata == {"state": current}


@pytest.mark.parametrize("machine", MACHINES, ids=lambda machine: machine.noun)
def test_every_state_is_in_the_contract_and_can_be_reached(machine: StateMachine) -> None:
    reached, waiting = set(), [machine.initial]
    while waiting:
        state = waiting.pop()
        if state not in reached:
            reached.add(state)
            waiting += machine.transitions[state]
    assert reached == set(machine.transitions)
    assert machine.final <= reached
