"""Files of agents, yes and no, and rights that are kept for later."""

from datetime import timedelta
from pathlib import Path

import pytest

from services.mesh.errors import AdjutantError
from services.mesh.identity import Kind
from services.mesh.store import now
from services.orchestrator.agents.agent import read_agents
from services.orchestrator.agents.authority import AuthorityRecord
from services.orchestrator.agents.verdict import verdict_of


@pytest.mark.parametrize(
    ("text", "verdict"),
    [
        ("yes", "CONFIRMED"),
        (" Yes please! ", "CONFIRMED"),
        ("да", "CONFIRMED"),
        ("Ano.", "CONFIRMED"),
        ("no", "DECLINED"),
        ("Don't!", "DECLINED"),
        ("yes, but not now", "WITHDRAWN"),
        ("no wait, yes", "WITHDRAWN"),
        ("", "WITHDRAWN"),
        ("yes\nno", "WITHDRAWN"),
    ],
)
def test_a_whole_message_says_yes_or_no_or_neither(text: str, verdict: str) -> None:
    assert verdict_of(text) == verdict


@pytest.mark.parametrize(
    ("content", "wrong"),
    [
        ("agents: [{name: a, instructions: x, groups: [nonsense]}]", "no nonsense"),
        ("agents: [{name: A, instructions: x}]", "name"),
        ("agents: [{name: a}]", "instructions"),
        ("agents: [{name: a, instructions: x}, {name: a, instructions: y}]", "of its own"),
        ("agents: [", "no YAML"),
    ],
)
def test_a_file_of_agents_that_is_wrong_says_where(
    tmp_path: Path, content: str, wrong: str
) -> None:
    file = tmp_path / "agents.yaml"
    file.write_text(content)
    with pytest.raises(ValueError, match=wrong) as raised:
        read_agents(file)
    assert "ADJUTANT_AGENTS_FILE" in str(raised.value)


def test_rights_end_with_the_credential_that_gave_them() -> None:
    shown = AuthorityRecord(
        name="users/ada",
        kind=Kind.USER.value,
        credential="issuer",
        administrator=True,
        expire_time=now() + timedelta(minutes=1),
    )
    assert shown.principal().administrator
    ended = shown.model_copy(update={"expire_time": now() - timedelta(seconds=1)})
    with pytest.raises(AdjutantError) as raised:
        ended.principal()
    assert raised.value.reason == "UNAUTHENTICATED"


def test_an_api_key_keeps_its_grant_and_no_more() -> None:
    name = "clients/acme/apiKeys/k"
    key = AuthorityRecord(
        name=name, kind="api_key", credential="k", key_id="k", scope="clients/acme", permissions=[3]
    )
    grant = key.principal().api_key
    assert grant is not None
    assert (grant.scope, grant.permissions) == ("clients/acme", frozenset({3}))
