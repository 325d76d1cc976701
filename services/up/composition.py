"""Which parts a mesh is made of, and how they are told where everything is."""

import importlib
import importlib.util
import os
import pathlib
import re
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

import grpc
import pydantic
from pydantic_settings import SettingsError

from services.mesh.config import MeshSettings
from services.mesh.identity.local import nats_token_path
from services.mesh.identity.tls import authority_path, channel_credentials, tls_dir
from services.up.errors import UpError
from services.up.logs import log_file
from services.up.parts import NatsPart, Part, ProcessPart

SERVICES: Final = ("orchestrator", "agent_runner", "notification")
"""Every service that `adjutant up` starts, in the order of the table."""

Commands = Mapping[str, Sequence[str]]
"""The command line of each service's process, by the service's name."""


def installed_commands() -> Commands:
    """Return how to start each service that is installed.

    `-P`, here and wherever we start ourselves: the directory in which somebody works may have
    a `services` of its own.
    """
    return {
        name: (sys.executable, "-P", "-m", f"services.{name}")
        for name in SERVICES
        if importlib.util.find_spec(f"services.{name}")
    }


def settings_from(kind: type[MeshSettings] = MeshSettings, **values: object) -> MeshSettings:
    """Return settings: what is given, else the environment, else the defaults.

    Raises UpError where one of them is wrong.
    """
    read: Callable[..., MeshSettings] = kind
    try:
        settings = read(**values)
    except pydantic.ValidationError as error:
        first = error.errors()[0]
        name, *within = first["loc"] or ("",)
        what = first["msg"].removeprefix("Value error, ")
        where = f"{'.'.join(map(str, within))}: " if within else ""
        raise UpError(
            f"ADJUTANT_{str(name).upper()} is {str(first['input'])!r}, which cannot be: "
            f"{where}{what}{_meaning(kind, str(name))}"
        ) from error
    except SettingsError as error:
        name = next(iter(re.findall(r'field "(\w+)"', str(error))), "")
        raise UpError(
            f"ADJUTANT_{name.upper()} is no JSON, which it must be{_meaning(kind, name)}"
        ) from error
    return settings.model_copy(update={"data_dir": settings.data_dir.expanduser().resolve()})


def _meaning(kind: type[MeshSettings], name: str) -> str:
    """Return what a setting means, to go on from what is wrong with it."""
    field = kind.model_fields.get(name)
    return f"; it means: {field.description}" if field and field.description else ""


def settings_class(service: str) -> type[MeshSettings]:
    """Return the class of a service's settings."""
    module = importlib.import_module(f"services.{service}.settings")
    for kind in vars(module).values():
        if isinstance(kind, type) and issubclass(kind, MeshSettings) and kind.service == service:
            return kind
    raise LookupError(f"services.{service}.settings has no settings of {service}")


@dataclass(frozen=True)
class ReplicaOf:
    """One process of a service to be."""

    service: str
    number: int
    address: str
    """HOST:PORT where it will answer."""

    @property
    def name(self) -> str:
        """What it is called in messages and by its log; the first one as its service is."""
        return f"{self.service}-{self.number}" if self.number else self.service


@dataclass(frozen=True)
class Composition:
    """A mesh to be: its settings and its services."""

    settings: MeshSettings
    commands: Commands
    single_process: bool = False

    def __post_init__(self) -> None:
        if self.single_process and self.settings.replicas > 1:
            raise UpError("replicas are processes of their own; leave --single-process out")

    def addresses(self) -> dict[str, tuple[str, ...]]:
        """Return HOST:PORT of each replica of each part by the part's name, NATS first."""
        # Without a user or token: it is printed, and written for everybody to read.
        nats = urlsplit(self.settings.nats_address).netloc.rpartition("@")[2]
        return {"nats": (nats,)} | {
            name: self.settings.addresses_of(name) for name in self.commands
        }

    def replicas(self) -> list["ReplicaOf"]:
        """Return every process of every service, the first of each service before the second."""
        return [
            ReplicaOf(service, number, self.settings.addresses_of(service)[number])
            for number in range(self.settings.replicas)
            for service in self.commands
        ]

    def ports(self) -> dict[str, tuple[str, int]]:
        """Return (host, port) of each part that is started here."""
        kept = {} if self.settings.nats_url else {"nats": self.addresses()["nats"][0]}
        kept |= {replica.name: replica.address for replica in self.replicas()}
        return {name: _split(address) for name, address in kept.items()}

    def nats(self) -> Part | None:
        """Return the event log; None where the settings name one that runs elsewhere."""
        if self.settings.nats_url:
            return None
        port = self.ports()["nats"][1]
        return NatsPart(self.settings.data_dir, port, nats_token_path(self.settings))

    def services(self, parent_fd: int) -> list[Part]:
        """Return the services, not started yet."""
        if self.single_process:
            from services.up import single  # everything that services import, so only if asked

            single.prepare(self.environ(), self.settings, self.log_paths()["services"])
            return [single.TaskPart(name) for name in self.commands]
        logs = self.log_paths()
        return [
            ProcessPart(
                each.name,
                self.commands[each.service],
                {**self.environ(), "ADJUTANT_REPLICA": str(each.number)},
                logs[each.name],
                parent_fd,
            )
            for each in self.replicas()
        ]

    def credentials(self, service: str) -> grpc.ChannelCredentials | None:
        """Return what it takes to call a service, with its own certificate. OSError."""
        folder = tls_dir(self.settings.data_dir)
        own = {
            "tls_cert_file": folder / f"{service}.pem",
            "tls_key_file": folder / f"{service}.key",
        }
        missing = {name: path for name, path in own.items() if not getattr(self.settings, name)}
        return channel_credentials(self.settings.model_copy(update=missing))

    def tls(self) -> dict[str, str]:
        """Return what whoever calls from this machine needs for TLS; empty where it is off."""
        if self.settings.tls == "off":
            return {}
        files = {"ca": authority_path(self.settings)}
        if self.settings.tls == "mutual":
            folder = tls_dir(self.settings.data_dir)
            files |= {"certificate": folder / "owner.pem", "key": folder / "owner.key"}
        return {name: str(path) for name, path in files.items()}

    def log_paths(self) -> dict[str, pathlib.Path]:
        """Return each log file by the name that its errors are told with."""
        replicas = [each.name for each in self.replicas()]
        names = ["services"] if self.single_process else replicas
        return {name: log_file(self.settings.data_dir, name) for name in names}

    def environ(self) -> dict[str, str]:
        """Return the environment of the services."""
        return {
            **os.environ,
            "ADJUTANT_DATA_DIR": str(self.settings.data_dir),
            "ADJUTANT_PORT_BASE": str(self.settings.port_base),
            "ADJUTANT_REPLICAS": str(self.settings.replicas),
            "PYTHONUNBUFFERED": "1",
        }


def _split(address: str) -> tuple[str, int]:
    host, _, port = address.rpartition(":")
    return host.strip("[]"), int(port)
