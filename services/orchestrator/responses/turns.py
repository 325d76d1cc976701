"""Whose turn it is among the responses that have not ended.

A session's responses are made one after the other, for each answer belongs to the history of the
next: its maker holds the session's lease, and none begins while another of the session is
STREAMING, which `alone` sees to in the write that begins it. So no clock and no pause of a replica
makes two of them run at once.

A user's are made at most so many at once: what is STREAMING counts first, then the oldest that
wait. That is told from what a replica has read of the store and from no lock: one that comes to
be known late, with an earlier time than another that is being begun at that very moment, may be
made beside it.
"""

from collections import Counter
from collections.abc import Iterable

from services.mesh.access.scope import client_of
from services.mesh.errors import AdjutantError
from services.mesh.store import Guard, Look
from services.orchestrator.responses.response import RESPONSES, ResponseRecord


def in_turn(unfinished: Iterable[ResponseRecord], per_user: int) -> list[ResponseRecord]:
    """Return the responses that may be worked on: what has begun first, then the oldest.

    `unfinished` are all that have not ended, oldest first; `per_user` is how many of one user
    may be made at once, 0 meaning no limit.
    """
    of_user: Counter[str] = Counter()
    sessions: set[str] = set()
    ready = []
    for response in sorted(unfinished, key=_waits):
        is_first = response.session not in sessions
        sessions.add(response.session)
        if is_first and not (per_user and of_user[response.user] >= per_user):
            of_user[response.user] += 1
            ready.append(response)
    return ready


def alone(session: str) -> Guard:
    """Return the guard that keeps a response from beginning beside another of its session.

    It raises CONCURRENT_CHANGE, which passes.
    """

    def guard(look: Look) -> None:
        if look.holds(RESPONSES, {"parent": (session,), "state": ("STREAMING",)}):
            raise AdjutantError(
                "CONCURRENT_CHANGE",
                f"Another answer is made in {session}; this one is made after it.",
            )

    return guard


def positions(waiting: Iterable[str]) -> dict[str, int]:
    """Return each response's place among its client's; `waiting` are the QUEUED, oldest first."""
    of_client: Counter[str] = Counter()
    places = {}
    for name in waiting:
        client = client_of(name)
        of_client[client] += 1
        places[name] = of_client[client]
    return places


def _waits(response: ResponseRecord) -> bool:
    return response.state == "QUEUED"
