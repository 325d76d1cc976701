"""What gRPC is told to call."""

import json
from typing import Any

import pytest

from services import targets

BOTH = "127.0.0.1:7401,127.0.0.1:7411"
CONFIG: dict[str, Any] = {"methodConfig": [{"name": [{}]}]}


def test_one_address_is_called_as_it_is() -> None:
    options = dict(targets.options_for("127.0.0.1:7401", CONFIG, [("a", 1)]))
    assert targets.target_of("127.0.0.1:7401") == "127.0.0.1:7401"
    assert options == {"a": 1, "grpc.service_config": json.dumps(CONFIG)}


@pytest.mark.parametrize(
    ("addresses", "target"),
    [
        (BOTH, f"ipv4:{BOTH}"),
        ("localhost:1, localhost:2", "ipv4:127.0.0.1:1,127.0.0.1:2"),
        ("[::1]:1,[::1]:2", "ipv6:[::1]:1,[::1]:2"),
        ("mesh.example:7401", "mesh.example:7401"),
    ],
)
def test_several_are_called_together(addresses: str, target: str) -> None:
    assert targets.target_of(addresses) == target


@pytest.mark.parametrize("addresses", [BOTH, "mesh.example:7401"])
def test_calls_are_spread_and_a_silent_connection_is_noticed(addresses: str) -> None:
    given = [("grpc.keepalive_time_ms", 30_000)]
    found = targets.options_for(addresses, CONFIG, given)
    options = dict(found)
    assert json.loads(options["grpc.service_config"])["loadBalancingConfig"] == [
        {"round_robin": {}}
    ]
    assert json.loads(options["grpc.service_config"])["methodConfig"] == CONFIG["methodConfig"]
    assert options["grpc.keepalive_time_ms"] == 5_000
    assert len(found) == len(options), "no option is given twice"


@pytest.mark.parametrize("addresses", ["a.example:1,b.example:2", "127.0.0.1:1,[::1]:2"])
def test_what_cannot_be_called_together_is_refused(addresses: str) -> None:
    with pytest.raises(ValueError, match=r"name (one|addresses)"):
        targets.target_of(addresses)


def test_with_tls_all_are_one_host() -> None:
    targets.require_one_host(BOTH)
    with pytest.raises(ValueError, match="one name"):
        targets.require_one_host("10.0.0.1:1,10.0.0.2:1")
