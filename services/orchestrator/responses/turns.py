"""Whose turn it is among the responses that have not ended.

A session's responses are made one after the other, for each answer belongs to the history of the
next. A user's are made at most so many at once, the oldest first. Both are told from the order
in which they were asked for, and not from who works on what just now: so all replicas decide
alike, and what one has not heard of yet only makes others wait, never two too many begin.
"""

from collections import Counter
from collections.abc import Iterable

from services.mesh.access.scope import client_of
from services.orchestrator.responses.response import ResponseRecord


def in_turn(unfinished: Iterable[ResponseRecord], per_user: int) -> list[ResponseRecord]:
    """Return the responses that may be worked on, oldest first.

    `unfinished` are all that have not ended, oldest first; `per_user` is how many of one user
    may be made at once, 0 meaning no limit.
    """
    of_user: Counter[str] = Counter()
    sessions: set[str] = set()
    ready = []
    for response in unfinished:
        is_first = response.session not in sessions
        sessions.add(response.session)
        if is_first and not (per_user and of_user[response.user] >= per_user):
            of_user[response.user] += 1
            ready.append(response)
    return ready


def positions(waiting: Iterable[str]) -> dict[str, int]:
    """Return each response's place among its client's; `waiting` are the QUEUED, oldest first."""
    of_client: Counter[str] = Counter()
    places = {}
    for name in waiting:
        client = client_of(name)
        of_client[client] += 1
        places[name] = of_client[client]
    return places
