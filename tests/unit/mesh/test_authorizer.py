"""Who may do what: roles, keys, services, and what exists."""

from collections import OrderedDict
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adjutant.common.v1 import access_pb2
from services.mesh.access.authorizer import Authorizer
from services.mesh.access.policy import Node
from services.mesh.access.replica import Replica
from services.mesh.access.roles import FORBIDDEN_TO_KEYS, ROLES, SERVICES
from services.mesh.errors import AdjutantError
from services.mesh.identity import ApiKeyGrant, Kind, Principal

P = access_pb2.Permission
ACME, TEAM, WEB = "clients/acme", "clients/acme/groups/team", "clients/acme/projects/web"
SHOP, OTHER = "clients/acme/projects/shop", "clients/other"
ADA = Principal("users/ada", Kind.USER, "issuer")
OWNER = Principal("users/owner", Kind.USER, "owner token", administrator=True)


class Known(Replica):
    """A replica that knows what the test says, and has no bucket to ask."""

    def __init__(self, *nodes: Node) -> None:
        self.asked: list[str] = []
        self._policies = {node.name: node for node in nodes}
        self._changed = []
        self._missed = OrderedDict()

    def check_fresh(self) -> None:
        """Be fresh."""

    async def refresh(self, *places: str) -> None:
        """Note what is asked for; nothing new is there."""
        self.asked += places


def node(name: str, **fields: Any) -> Node:
    return Node(name=name, revision=1, **fields)


def mesh(**members: dict[str, str]) -> Authorizer:
    """Return an authorizer over two clients; members are those of acme, team, web and shop."""
    return Authorizer(
        Known(
            node(ACME, members=members.get("acme", {})),
            node(TEAM, members=members.get("team", {})),
            node(WEB, members=members.get("web", {}), group=TEAM),
            node(SHOP, members=members.get("shop", {})),
            node(OTHER),
            node("clients/other/projects/web"),
        )
    )


async def reason(authorizer: Authorizer, who: Principal, what: int, where: str) -> str:
    try:
        await authorizer.require(who, what, where)
    except AdjutantError as error:
        return error.reason
    return "ALLOWED"


@pytest.mark.parametrize(
    ("where", "resource", "expected"),
    [
        ("acme", WEB, "ALLOWED"),
        ("team", WEB, "ALLOWED"),
        ("web", WEB, "ALLOWED"),
        ("web", f"{WEB}/tasks/t-1", "ALLOWED"),
        ("web", SHOP, "PERMISSION_DENIED"),
        ("team", SHOP, "PERMISSION_DENIED"),
        ("web", ACME, "PERMISSION_DENIED"),
        ("acme", OTHER, "PERMISSION_DENIED"),
        ("acme", "clients/other/projects/web", "PERMISSION_DENIED"),
        ("acme", "clients/acme2/projects/web", "PERMISSION_DENIED"),
        ("acme", "", "PERMISSION_DENIED"),
        ("acme", f"{ACME}/projects/none", "NOT_FOUND"),
        ("web", f"{ACME}/projects/none", "PERMISSION_DENIED"),
        ("web", f"{WEB}x", "PERMISSION_DENIED"),
    ],
)
async def test_a_role_holds_where_it_was_given_and_below(
    where: str, resource: str, expected: str
) -> None:
    authorizer = mesh(**{where: {"users/ada": "VIEWER"}})
    assert await reason(authorizer, ADA, P.PERMISSION_TASKS_READ, resource) == expected


@pytest.mark.parametrize("role", ROLES)
async def test_a_role_allows_what_its_row_says_and_nothing_else(role: str) -> None:
    authorizer = mesh(web={"users/ada": role})
    for permission in P.values():
        allowed = permission in ROLES[role] or permission == P.PERMISSION_SELF
        found = await reason(authorizer, ADA, permission, WEB)
        assert found == ("ALLOWED" if allowed else "PERMISSION_DENIED"), P.Name(permission)


async def test_roles_add_up() -> None:
    authorizer = mesh(acme={"users/ada": "VIEWER"}, web={"users/ada": "EDITOR"})
    assert await reason(authorizer, ADA, P.PERMISSION_TASKS_WRITE, WEB) == "ALLOWED"
    assert await reason(authorizer, ADA, P.PERMISSION_TASKS_WRITE, SHOP) == "PERMISSION_DENIED"


async def test_an_agent_decides_nothing() -> None:
    assert P.PERMISSION_APPROVALS_DECIDE not in ROLES["AGENT"]
    assert not ROLES["AGENT"] & FORBIDDEN_TO_KEYS


async def test_an_administrator_may_do_everything_but_take_secrets() -> None:
    authorizer = mesh()
    denied = {
        permission
        for permission in P.values()
        if permission and await reason(authorizer, OWNER, permission, WEB) != "ALLOWED"
    }
    assert denied == {P.PERMISSION_CREDENTIALS_USE}
    assert await reason(authorizer, OWNER, P.PERMISSION_MESH_MANAGE, "") == "ALLOWED"
    missing = "clients/none/projects/none/tasks/t"
    assert await reason(authorizer, OWNER, P.PERMISSION_TASKS_READ, missing) == "NOT_FOUND"


@pytest.mark.parametrize("service", [*SERVICES, "notification", "unheard-of"])
async def test_a_service_may_do_what_its_row_says(service: str) -> None:
    who = Principal(f"services/{service}", Kind.SERVICE, "certificate")
    for permission in set(P.values()) - {P.PERMISSION_SELF}:
        allowed = permission in SERVICES.get(service, ())
        found = await reason(mesh(), who, permission, WEB)
        assert found == ("ALLOWED" if allowed else "PERMISSION_DENIED"), P.Name(permission)


@pytest.mark.parametrize(
    ("scope", "resource", "expected"),
    [
        (WEB, f"{WEB}/tasks/t", "ALLOWED"),
        (WEB, SHOP, "PERMISSION_DENIED"),
        (WEB, ACME, "PERMISSION_DENIED"),
        (ACME, SHOP, "ALLOWED"),
        (TEAM, WEB, "ALLOWED"),
        (TEAM, SHOP, "PERMISSION_DENIED"),
        (ACME, "clients/other/projects/web", "PERMISSION_DENIED"),
    ],
)
async def test_a_key_is_good_for_its_scope(scope: str, resource: str, expected: str) -> None:
    grant = ApiKeyGrant("k1", scope, frozenset({P.PERMISSION_TASKS_READ}))
    key = Principal(f"{scope}/apiKeys/k1", Kind.API_KEY, "key", api_key=grant)
    assert await reason(mesh(), key, P.PERMISSION_TASKS_READ, resource) == expected
    assert await reason(mesh(), key, P.PERMISSION_TASKS_WRITE, resource) == "PERMISSION_DENIED"


async def test_nothing_is_allowed_in_what_was_removed() -> None:
    gone = node(WEB, members={"users/ada": "OWNER"}, deleted=True)
    authorizer = Authorizer(Known(node(ACME), gone))
    grant = ApiKeyGrant("k1", WEB, frozenset({P.PERMISSION_TASKS_READ}))
    key = Principal(f"{WEB}/apiKeys/k1", Kind.API_KEY, "key", api_key=grant)
    for who in (ADA, key):
        assert await reason(authorizer, who, P.PERMISSION_TASKS_READ, WEB) == "PERMISSION_DENIED"
    assert await reason(authorizer, OWNER, P.PERMISSION_TASKS_READ, WEB) == "NOT_FOUND"


async def test_an_answer_is_remembered_no_longer_than_what_it_depends_on() -> None:
    known = Known(node(ACME), node(WEB, members={"users/ada": "VIEWER"}))
    authorizer = Authorizer(known)
    for _ in range(3):
        assert await reason(authorizer, ADA, P.PERMISSION_TASKS_READ, f"{WEB}/tasks/t") == "ALLOWED"
    known._take(Node(name=WEB, revision=7))
    answer = await reason(authorizer, ADA, P.PERMISSION_TASKS_READ, f"{WEB}/tasks/t")
    assert answer == "PERMISSION_DENIED"


async def test_a_key_that_may_less_gets_nothing_from_what_it_might_before() -> None:
    authorizer = Authorizer(Known(node(ACME), node(WEB)))
    name = f"{WEB}/apiKeys/k"
    for permissions, expected in (({P.PERMISSION_TASKS_READ}, "ALLOWED"), (set(), None)):
        grant = ApiKeyGrant("k", WEB, frozenset(permissions))
        key = Principal(name, Kind.API_KEY, name, api_key=grant)
        answer = await reason(authorizer, key, P.PERMISSION_TASKS_READ, f"{WEB}/tasks/t")
        assert answer == (expected or "PERMISSION_DENIED")


async def test_what_is_not_known_is_asked_for_before_it_is_denied() -> None:
    known = Known(node(ACME))
    await reason(Authorizer(known), ADA, P.PERMISSION_TASKS_READ, f"{WEB}/tasks/t")
    assert known.asked == [ACME, WEB]


async def test_the_refusal_is_the_same_whether_it_exists_or_not() -> None:
    errors = []
    for resource in (WEB, f"{WEB}/tasks/t-1", f"{ACME}/projects/none", "clients/none", OTHER, ""):
        with pytest.raises(AdjutantError) as caught:
            await mesh().require(ADA, P.PERMISSION_TASKS_READ, resource)
        errors.append(caught.value.to_status())
    assert all(status == errors[0] for status in errors)


@given(resource=st.text(alphabet="clientsprojcgu/-acmewbx", max_size=60))
async def test_no_name_gives_a_stranger_anything(resource: str) -> None:
    nobody = Principal("users/nobody", Kind.USER, "issuer")
    authorizer = mesh(acme={"users/ada": "OWNER"})
    assert await reason(authorizer, nobody, P.PERMISSION_TASKS_READ, resource) == (
        "PERMISSION_DENIED"
    )
