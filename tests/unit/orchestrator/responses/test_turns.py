"""Whose turn it is: one after the other in a session, at most so many of a user, oldest first."""

from services.mesh.store import now
from services.orchestrator.responses.response import ResponseRecord
from services.orchestrator.responses.turns import in_turn, positions

PROJECT = "clients/acme/projects/web"


def response(name: str, session: str, user: str = "ada", state: str = "QUEUED") -> ResponseRecord:
    return ResponseRecord(
        name=f"{PROJECT}/sessions/{session}/responses/{name}",
        create_time=now(),
        update_time=now(),
        user=f"users/{user}",
        prompt="hello",
        state=state,
    )


def names(records: list[ResponseRecord]) -> list[str]:
    return [record.name.rpartition("/")[2] for record in records]


def test_a_session_has_one_at_a_time_the_oldest() -> None:
    waiting = [response("a", "one"), response("b", "one"), response("c", "two")]
    assert names(in_turn(waiting, 0)) == ["a", "c"]
    assert names(in_turn(waiting[1:], 0)) == ["b", "c"]


def test_a_user_has_no_more_than_are_allowed_and_others_do_not_wait_for_that() -> None:
    waiting = [
        response("a", "one", state="STREAMING"),
        response("b", "two"),
        response("c", "three"),
        response("d", "four", user="bob"),
    ]
    assert names(in_turn(waiting, 2)) == ["a", "b", "d"]
    assert names(in_turn(waiting, 1)) == ["a", "d"]
    assert names(in_turn(waiting, 0)) == ["a", "b", "c", "d"]


def test_what_waits_for_its_session_takes_no_place_of_its_user() -> None:
    waiting = [response("a", "one"), response("b", "one"), response("c", "two")]
    assert names(in_turn(waiting, 2)) == ["a", "c"]


def test_places_count_from_one_for_each_client() -> None:
    waiting = ["clients/a/x/1", "clients/b/x/2", "clients/a/x/3"]
    assert positions(waiting) == {"clients/a/x/1": 1, "clients/b/x/2": 1, "clients/a/x/3": 2}
