"""Writes the state diagrams of the services' READMEs from the tables in the code.

python docs/states.py           write them
python docs/states.py --check   exit 1 where one is stale
"""

import pathlib
import re
import sys
from typing import Final

from services.agent_runner.run import STATES as RUN_STATES
from services.mesh.statemachine import StateMachine
from services.orchestrator.agents.action import ACTION_STATES
from services.orchestrator.approvals.approval import APPROVAL_STATES
from services.orchestrator.messages.message import MESSAGE_STATES
from services.orchestrator.responses.response import RESPONSE_STATES
from services.orchestrator.tasks.step import STEP_STATES
from services.orchestrator.tasks.task import TASK_STATES
from services.orchestrator.usage.call import CALL_STATES

SERVICES: Final = pathlib.Path(__file__).resolve().parents[1] / "services"
DIAGRAMS: Final[dict[str, tuple[StateMachine, ...]]] = {
    "orchestrator": (
        TASK_STATES,
        STEP_STATES,
        APPROVAL_STATES,
        MESSAGE_STATES,
        RESPONSE_STATES,
        ACTION_STATES,
        CALL_STATES,
    ),
    "agent_runner": (RUN_STATES,),
}


def with_diagrams(text: str, machines: tuple[StateMachine, ...]) -> str:
    """Return a README with its diagrams as they should be; KeyError where a place is missing."""
    for machine in machines:
        place = re.compile(rf"(<!-- states: {machine.noun} -->\n).*?(<!-- end -->)", re.DOTALL)
        found = place.search(text)
        if not found:
            raise KeyError(f"no place for the states of a {machine.noun}")
        diagram = f"```mermaid\n{machine.mermaid()}\n```\n"
        text = text[: found.end(1)] + diagram + text[found.start(2) :]
    return text


def main() -> None:
    """Write the diagrams, or check them with `--check`."""
    for service, machines in DIAGRAMS.items():
        page = SERVICES / service / "README.md"
        wanted = with_diagrams(page.read_text(), machines)
        if sys.argv[1:] != ["--check"]:
            page.write_text(wanted)
        elif page.read_text() != wanted:
            sys.exit(f"services/{service}/README.md is stale; run `make docs` and commit")


if __name__ == "__main__":
    main()
