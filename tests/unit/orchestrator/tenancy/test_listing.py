"""Lists from memory behave as those from the store do."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adjutant.orchestrator.v1 import member_service_pb2 as pb
from services.mesh.errors import AdjutantError
from services.mesh.store import now
from services.orchestrator.tenancy.listing import page_of
from services.orchestrator.tenancy.members import Membership

FIELDS = ("principal", "role", "create_time")
TIME = now()


def members(roles: list[str]) -> list[Membership]:
    return [
        Membership(parent="clients/a", principal=f"users/{n:02}", role=role, create_time=TIME)
        for n, role in enumerate(roles)
    ]


def all_pages(items: list[Membership], size: int, **query: str) -> list[str]:
    seen: list[str] = []
    token = ""
    while True:
        request = pb.ListMembersRequest(
            parent="clients/a", page_size=size, page_token=token, **query
        )
        found, token = page_of(items, FIELDS, request)
        assert len(found) <= size
        seen += [item.principal for item in found]
        if not token:
            return seen


@given(
    st.lists(st.sampled_from(["OWNER", "VIEWER", "AGENT"]), max_size=20),
    st.integers(1, 7),
    st.sampled_from(["principal", "role desc", "create_time desc", ""]),
)
def test_pages_hold_each_item_once_and_in_order(roles: list[str], size: int, order: str) -> None:
    items = members(roles)
    field, _, direction = (order or "create_time desc").partition(" ")
    expected = sorted(
        items, key=lambda m: (str(getattr(m, field)), m.principal), reverse=direction == "desc"
    )
    assert all_pages(items, size, order_by=order) == [item.principal for item in expected]


def test_filters_keep_what_matches() -> None:
    items = members(["OWNER", "VIEWER", "VIEWER"])
    assert all_pages(items, 10, filter='role = "OWNER"') == ["users/00"]
    assert all_pages(items, 10, filter='role != "OWNER" AND principal > "users/01"') == ["users/02"]


def test_a_field_that_is_none_is_refused() -> None:
    with pytest.raises(AdjutantError, match="use principal, role, create_time"):
        all_pages([], 10, filter='colour = "red"')
