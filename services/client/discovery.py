"""Finding a mesh: where each of its services answers."""

from __future__ import annotations

import json
import os
import pathlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from services.client.errors import ConfigurationError, UnreachableError
from services.ports import OFFSETS, PORT_BASE_DEFAULT, port_of
from services.targets import joined

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

MESH_FILE: Final = "mesh.json"
"""What `adjutant up` writes into its data directory when it is ready."""
ADDRESS_VARIABLE: Final = "ADJUTANT_ADDRESS"
DATA_DIR_VARIABLE: Final = "ADJUTANT_DATA_DIR"
PORT_BASE_VARIABLE: Final = "ADJUTANT_PORT_BASE"
_DATA_DIR_DEFAULT: Final = "~/.adjutant"
_HOST: Final = "127.0.0.1"


@dataclass(frozen=True)
class Mesh:
    """A mesh that was found."""

    addresses: Mapping[str, str]
    """HOST:PORT of every service by its name; of its replicas all of them, comma separated."""
    data_dir: pathlib.Path | None = None
    """The data directory whose mesh.json says so; None where something else did."""
    tls: Mapping[str, str] = field(default_factory=dict)
    """Files for TLS, as mesh.json names them: `ca`, `certificate`, `key`."""


def find_mesh(explicit: Iterable[str] = (), environ: Mapping[str, str] | None = None) -> Mesh:
    """Return where every service answers.

    What is said first wins: `explicit`, `ADJUTANT_ADDRESS` (comma separated),
    the mesh.json in `ADJUTANT_DATA_DIR`, `ADJUTANT_PORT_BASE`, and at last the
    default data directory and port base. An entry is `HOST:PORT`, one front door for all
    services, or `service=HOST:PORT` for one of them; several entries for the same are its
    replicas, among which calls are spread.

    Raises ConfigurationError where an entry cannot be read, UnreachableError
    where the data directory that was named holds no running mesh.
    """
    environ = os.environ if environ is None else environ
    entries = list(explicit) or _split(environ.get(ADDRESS_VARIABLE, ""))
    if entries:
        return Mesh(_parsed(entries))
    data_dir = environ.get(DATA_DIR_VARIABLE, "")
    port_base = environ.get(PORT_BASE_VARIABLE, "")
    found = _from_mesh_file(pathlib.Path(data_dir).expanduser()) if data_dir else None
    if found:
        return found
    if port_base:
        return _from_port_base(port_base)
    if data_dir:
        # Falling back to the default port would talk to some other mesh.
        raise UnreachableError(f"no mesh runs in {data_dir}")
    default = pathlib.Path(_DATA_DIR_DEFAULT).expanduser()
    return _from_mesh_file(default) or _from_port_base(str(PORT_BASE_DEFAULT))


def _split(text: str) -> list[str]:
    return [entry.strip() for entry in text.split(",") if entry.strip()]


def _parsed(entries: Iterable[str]) -> dict[str, str]:
    """Return each service's addresses: its own entries, else those for all services."""
    doors: list[str] = []
    own: dict[str, list[str]] = {}
    for entry in entries:
        service, separator, address = entry.rpartition("=")
        host, _, port = address.rpartition(":")
        if not host or not port.isdigit():
            raise ConfigurationError(
                f"the address {entry!r} is neither HOST:PORT nor service=HOST:PORT"
            )
        if separator and service not in OFFSETS:
            raise ConfigurationError(
                f"the address {entry!r} names no service; there are {', '.join(OFFSETS)}"
            )
        (own.setdefault(service, []) if separator else doors).append(address)
    named = {name: own.get(name, doors) for name in OFFSETS}
    return {name: joined(addresses) for name, addresses in named.items() if addresses}


def _from_mesh_file(data_dir: pathlib.Path) -> Mesh | None:
    path = data_dir / MESH_FILE
    try:
        mesh = json.loads(path.read_text())
        replicas = {name: joined(each) for name, each in mesh.get("replicas", {}).items()}
        addresses = _texts(mesh["addresses"]) | replicas
        return Mesh(addresses, data_dir, _texts(mesh.get("tls", {})))
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, AttributeError, TypeError) as error:
        raise ConfigurationError(f"{path} cannot be read: {error}") from error


def _texts(values: Mapping[str, object]) -> dict[str, str]:
    return {str(name): str(value) for name, value in values.items()}


def _from_port_base(text: str) -> Mesh:
    if not text.isdigit():
        raise ConfigurationError(f"{PORT_BASE_VARIABLE} is {text!r}, which is no port number")
    return Mesh({name: f"{_HOST}:{port_of(name, int(text))}" for name in OFFSETS})
