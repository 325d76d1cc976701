"""How much harm an action may do: one table for every kind of approval, docs/approvals.md shows it.

The table guards against slips and modest claims, and not against a requester who calls a tool by
another name than it has: whoever does not trust its programs does not approve low risk unseen.
"""

import re
from typing import Final

from services.orchestrator.approvals.action import Action, PlanActionRecord, ToolActionRecord


def words(text: str) -> frozenset[str]:
    """Return the words of a text."""
    return frozenset(text.split())


RISKS: Final = ("LOW", "MEDIUM", "HIGH")
OF_KIND: Final = {"COMMIT": "MEDIUM", "ESCALATION": "HIGH"}
"""A commit goes to a branch of its own, which can be removed; one that breaks what others rely
on is an escalation."""
READING_WORDS: Final = words(
    "check count describe diff find get grep inspect list look ls read search show stat view"
)
"""What the name of a tool begins with that only looks; it may be LOW."""
CHANGING_WORDS: Final = words(
    "add change commit create edit exec execute modify move patch post put rename replace run "
    "save set shell start stop update upload write"
)
"""Words in a tool's name that make it MEDIUM at least, whatever it begins with."""
HARMFUL_WORDS: Final = words(
    "approve buy charge delete deploy destroy drop erase format grant install kill merge order "
    "pay publish purchase purge push refund release remove reset revoke rm send shutdown sudo "
    "terminate transfer truncate uninstall wipe"
)
"""Words in a tool's name that make it HIGH."""
HARMFUL_ARGUMENTS: Final = re.compile(
    r"\brm\s+-\w*[rf]|\bsudo\b|--force\b|\bpush\s+(-\w*f|\S+\s+\+)|\bdrop\s+(table|database)\b"
    r"|\bdelete\s+from\b|\bmkfs|\bdd\s+if=|\|\s*(ba|z)?sh\b|\bshutdown\b|\bchmod\s+-R\b",
    re.IGNORECASE,
)
"""What makes any tool HIGH when it stands in an argument."""
_WORD: Final = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+")


def assess(action: Action, claim: str = "UNSPECIFIED") -> str:
    """Return the risk of an action; `claim` is what the requester takes it for.

    A claim can make it more, and never less than the table says.
    """
    floor = _floor(action)
    return claim if claim in RISKS and RISKS.index(claim) > RISKS.index(floor) else floor


def _floor(action: Action) -> str:
    if isinstance(action, PlanActionRecord):
        return action.complexity
    if isinstance(action, ToolActionRecord):
        return _of_tool(action)
    return OF_KIND[action.kind]


def _of_tool(action: ToolActionRecord) -> str:
    parts = {word.lower() for word in _WORD.findall(action.tool_name)}
    texts = (argument.value for argument in action.arguments)
    if parts & HARMFUL_WORDS or any(map(HARMFUL_ARGUMENTS.search, texts)):
        return "HIGH"
    # What the table does not know may change something.
    first = _WORD.search(action.tool_name.rpartition(".")[2].rpartition("/")[2])
    looks = first is not None and first[0].lower() in READING_WORDS
    return "LOW" if looks and not parts & CHANGING_WORDS else "MEDIUM"
