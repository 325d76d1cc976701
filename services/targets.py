"""What gRPC is told to call: one address, or all replicas of a service at once.

A leaf beside the table of ports: services and the client balance in the same way. gRPC itself
spreads calls over the replicas, leaves out those that do not answer, and connects again when
they are back.
"""

import ipaddress
import json
from collections.abc import Iterable, Mapping
from typing import Any, Final

Option = tuple[str, Any]

_ROUND_ROBIN: Final[list[dict[str, Any]]] = [{"round_robin": {}}]
_LIVENESS: Final[tuple[Option, ...]] = (
    # A process that is paused keeps its connections: only a ping that stays without an answer
    # tells. The seconds of both together are what a call to it loses before it goes elsewhere.
    ("grpc.keepalive_time_ms", 5_000),
    # In the gRPC that we use this, and not keepalive_timeout_ms, is what ends the connection.
    ("grpc.http2.ping_timeout_ms", 3_000),
    # A stream that only listens sends nothing by itself, and would be allowed two pings in all.
    ("grpc.http2.max_pings_without_data", 0),
)


def joined(addresses: Iterable[str]) -> str:
    """Return the addresses of a service's replicas as one text, as settings have them."""
    return ",".join(addresses)


def split(addresses: str) -> list[str]:
    """Return each HOST:PORT of a comma separated text."""
    return [address.strip() for address in addresses.split(",") if address.strip()]


def host_of(address: str) -> str:
    """Return the host of HOST:PORT."""
    return address.rpartition(":")[0].strip("[]")


def target_of(addresses: str) -> str:
    """Return gRPC's target for one HOST:PORT or several, comma separated.

    ValueError where several are not numeric: gRPC takes one name, which may stand for several
    addresses.
    """
    each = split(addresses)
    if len(each) < 2:
        return addresses.strip()
    try:
        versions = {ipaddress.ip_address(_numeric(address)).version for address in each}
    except ValueError:
        raise ValueError(
            f"of several addresses each must be numeric, and {addresses!r} are not; name one host "
            "that stands for all of them instead"
        ) from None
    if len(versions) > 1:
        raise ValueError(f"{addresses!r} mixes IPv4 and IPv6; name addresses of one kind")
    plain = [f"{_bracketed(_numeric(address))}:{address.rpartition(':')[2]}" for address in each]
    return f"ipv{versions.pop()}:{joined(plain)}"


def options_for(
    addresses: str, config: Mapping[str, Any], options: Iterable[Option]
) -> list[Option]:
    """Return a channel's options, with a service config, for one HOST:PORT or several.

    Calls are spread over all replicas; also over those that one name stands for.
    """
    each = split(addresses)
    if len(each) < 2 and _is_one(addresses):
        return [*options, _config(config)]
    # By name: of an option that is given twice gRPC takes either.
    found = dict((*options, *_LIVENESS))
    if len(each) > 1:
        # Without it the whole list would stand where the name of the host belongs.
        found["grpc.default_authority"] = each[0]
    return [*found.items(), _config({**config, "loadBalancingConfig": _ROUND_ROBIN})]


def _config(config: Mapping[str, Any]) -> Option:
    return "grpc.service_config", json.dumps(config)


def require_one_host(addresses: str) -> None:
    """Raise ValueError where TLS could not tell whether several hosts are whom they say."""
    hosts = {_numeric(address) for address in split(addresses)}
    if len(hosts) > 1:
        raise ValueError(
            f"{addresses!r} are several hosts, and with TLS a certificate is checked for one name; "
            "name one host that stands for all of them"
        )


def _is_one(address: str) -> bool:
    """Tell whether an address is one place; a name may stand for several."""
    try:
        ipaddress.ip_address(_numeric(address))
    except ValueError:
        return False
    return True


def _numeric(address: str) -> str:
    host = host_of(address)
    return "127.0.0.1" if host.lower() == "localhost" else host


def _bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host else host
