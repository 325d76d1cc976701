"""What keys may do, and what callers may give."""

from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adjutant.common.v1 import access_pb2
from services.mesh.access import caller
from services.mesh.access.caller import Call
from services.mesh.access.rights import Rights
from services.mesh.access.roles import FORBIDDEN_TO_KEYS, ROLES
from services.mesh.errors import AdjutantError
from services.mesh.identity import Kind, Principal
from services.orchestrator.tenancy.api_key import allowed

PERMISSIONS = sorted(access_pb2.Permission.values())[1:]
ADA = Principal("users/ada", Kind.USER, "issuer")


class Held:
    """Knows that everybody holds the same."""

    def __init__(self, permissions: frozenset[int]) -> None:
        self._permissions = permissions

    def permissions(self, principal: Principal, resource: str) -> frozenset[int]:
        return self._permissions


@pytest.fixture
def call() -> Iterator[Call]:
    under_way = Call(ADA, "a/B", "clients/a")
    caller.begin(under_way)
    yield under_way
    under_way.answered = True


@given(st.sampled_from(sorted(ROLES)), st.lists(st.sampled_from(PERMISSIONS), unique=True))
def test_a_key_has_at_most_its_role_and_never_what_no_key_may_have(
    role: str, narrowed_to: list[int]
) -> None:
    held = allowed(role, narrowed_to)
    assert held <= ROLES[role]
    assert not held & FORBIDDEN_TO_KEYS
    if narrowed_to:
        assert held <= set(narrowed_to)
    else:
        assert held == ROLES[role] - FORBIDDEN_TO_KEYS


@pytest.mark.parametrize("holder", sorted(ROLES))
@pytest.mark.parametrize("given_role", sorted(ROLES))
def test_nobody_gives_what_they_do_not_have(call: Call, holder: str, given_role: str) -> None:
    rights = Rights(Held(ROLES[holder]))
    may = ROLES[given_role] <= ROLES[holder]
    try:
        rights.require_to_give(ROLES[given_role], "clients/a")
        assert may
    except AdjutantError as error:
        assert not may
        assert error.reason == "PERMISSION_DENIED"


def test_outside_of_a_call_nobody_may_anything() -> None:
    rights = Rights(Held(frozenset(PERMISSIONS)))
    assert rights.held("clients/a") == frozenset()
    with pytest.raises(AdjutantError, match="PERMISSION_DENIED"):
        rights.require(access_pb2.PERMISSION_TASKS_READ, "clients/a")


def test_after_its_answer_a_call_is_nobodys(call: Call) -> None:
    rights = Rights(Held(frozenset(PERMISSIONS)))
    rights.require(access_pb2.PERMISSION_TASKS_READ, "clients/a")
    call.answered = True
    with pytest.raises(AdjutantError, match="PERMISSION_DENIED"):
        rights.require(access_pb2.PERMISSION_TASKS_READ, "clients/a")
