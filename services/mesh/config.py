"""Settings: every one has a default, a unit and a docstring.

They come from `ADJUTANT_*` environment variables; `adjutant config` prints
the table of all of them.
"""

import socket
from pathlib import Path
from typing import Annotated, ClassVar, Literal

from pydantic import (
    AfterValidator,
    Field,
    SecretStr,
    StringConstraints,
    ValidationInfo,
    field_validator,
)
from pydantic_settings import BaseSettings, SettingsConfigDict

from services.mesh.identity.issuer import Issuer, require_distinct
from services.ports import MAX_REPLICAS, PORT_BASE_DEFAULT, port_of
from services.targets import joined

_LOOPBACK = "127.0.0.1"


def _distinct(issuers: tuple[Issuer, ...]) -> tuple[Issuer, ...]:
    require_distinct(issuers)
    return issuers


Person = Annotated[str, StringConstraints(pattern=r"^users/[A-Za-z0-9._@+|:-]{1,200}$")]


class MeshSettings(BaseSettings):
    """Settings that every service has."""

    model_config = SettingsConfigDict(
        env_prefix="ADJUTANT_", use_attribute_docstrings=True, extra="ignore"
    )

    service: ClassVar[str] = "mesh"

    data_dir: Path = Field(default_factory=lambda: Path.home() / ".adjutant")
    """Folder that holds everything the mesh keeps; each service has its own folder in it."""
    host: str = "127.0.0.1"
    """Address that servers bind; one that others can reach needs `tls`."""
    port_base: int = Field(PORT_BASE_DEFAULT, ge=1024, le=65000)
    """First of the mesh's ports; NATS has it, the services have the next ones."""
    replicas: int = Field(1, ge=1, le=MAX_REPLICAS)
    """Processes of each service on this machine, all on one data directory."""
    replica: int = Field(0, ge=0, lt=MAX_REPLICAS)
    """Which of them this process is; its port is ten above that of the one before."""
    nats_url: str = ""
    """NATS to use, with its user or token where it wants one; empty is the embedded one."""
    event_max_age_s: float = Field(30 * 86400.0, gt=0)
    """Seconds that the event log keeps an event; older ones are a GAP to whoever asks."""
    event_max_bytes: int = Field(4 * 2**30, gt=0)
    """Bytes that the event log may hold; the oldest events go first."""
    audit_max_age_s: float = Field(400 * 86400.0, gt=0)
    """Seconds that the audit log keeps an entry; nothing else removes one."""
    audit_window_s: float = Field(60.0, gt=0)
    """Seconds for which alike denials and authentications are written down as one entry."""
    event_dedup_window_s: float = Field(120.0, ge=1)
    """Seconds for which the log itself refuses a repeated event id; older repeats are looked up."""
    event_buffer_size: int = Field(20_000, ge=16)
    """Events that a service holds in memory for its streams; a reader further behind is cut off."""
    stream_heartbeat_s: float = Field(15.0, gt=0)
    """Seconds of quiet after which an event stream sends a heartbeat."""
    unary_timeout_s: float = Field(30.0, gt=0)
    """Seconds that a unary call may take when the caller set no deadline."""
    stream_max_age_s: float = Field(86400.0, gt=0)
    """Seconds that a stream is open at most; its reader connects again with the last cursor."""
    access_max_stale_s: float = Field(300.0, gt=0)
    """Seconds for which who may do what is decided by the last known, while NATS is away."""
    rate_limit_user_per_minute: int = Field(3000, ge=0)
    """Units of calls that each user may make in a minute, on all services; 0 means no limit."""
    rate_limit_key_per_minute: int = Field(6000, ge=0)
    """Units of calls that each API key may make in a minute; 0 means no limit."""
    rate_limit_client_per_minute: int = Field(30_000, ge=0)
    """Units of calls that may be made to a client in a minute, by all; 0 means no limit."""
    rate_limit_failures_per_minute: int = Field(600, ge=0)
    """Wrong credentials that an address may show in a minute; 0 means no limit."""
    rate_limit_burst_s: float = Field(10.0, gt=0)
    """Seconds' worth of each limit that may come at once."""
    max_streams_user: int = Field(100, ge=0)
    """Streams that each user may have open at once, on all services; 0 means no limit."""
    max_streams_key: int = Field(2000, ge=0)
    """Streams that each API key may have open at once; 0 means no limit."""
    max_streams_client: int = Field(5000, ge=0)
    """Streams on a client that may be open at once; 0 means no limit."""
    lease_ttl_s: float = Field(10.0, ge=1)
    """Seconds after which work whose holder does not renew it may be taken over."""
    drain_grace_s: float = Field(5.0, ge=0)
    """Seconds that running calls get to end when the service stops."""
    drain_limit_s: float = Field(30.0, gt=0)
    """Seconds after which a service that was told to stop ends, whatever still holds it."""
    max_message_bytes: int = Field(4 * 2**20, ge=1024)
    """Bytes that one gRPC message may have."""
    store: Literal["sqlite", "mongo"] = "sqlite"
    """Where records are kept: a file of each service, or a MongoDB that replicas share."""
    mongo_url: SecretStr = SecretStr("")
    """MongoDB to use with `store` mongo, such as `mongodb://user:password@host:27017`."""
    mongo_database: str = Field("adjutant", pattern=r"^[A-Za-z0-9-]{1,30}$")
    """What the names of the databases begin with: `adjutant_orchestrator` is the orchestrator's."""
    sqlite_synchronous: Literal["NORMAL", "FULL"] = "NORMAL"
    """NORMAL survives the death of any process; FULL also the power cut, at 2 to 6 ms a write."""
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"
    """Least severe log line that is written."""
    trace_sample_ratio: float = Field(1.0, ge=0, le=1)
    """Share of traces that are recorded, where an exporter is set; ids travel in any case."""
    owner_token_file: Path | None = None
    """File of the owner's token, who may do everything; unset is `owner.token` in `data_dir`."""
    mesh_key_file: Path | None = None
    """File of the Ed25519 key, PEM, that signs services' tokens; unset is `secrets/mesh.key`."""
    mesh_public_key_files: tuple[Path, ...] = ()
    """Files of further public keys, PEM, whose services' tokens are accepted: of the key before."""
    nats_token_file: Path | None = None
    """File of the embedded event log's token; unset is `secrets/nats.token` in `data_dir`."""
    tls: Literal["off", "server", "mutual"] = "off"
    """`server`: servers show certificates. `mutual`: callers too. `off` is for loopback alone."""
    tls_cert_file: Path | None = None
    """File of the service's certificate, PEM; unset is `secrets/tls/<service>.pem`."""
    tls_key_file: Path | None = None
    """File of the certificate's key, PEM; unset is `secrets/tls/<service>.key`."""
    tls_ca_file: Path | None = None
    """File of the authority that signs the mesh's certificates; unset is `secrets/tls/ca.pem`."""
    jwt_issuers: Annotated[tuple[Issuer, ...], AfterValidator(_distinct)] = ()
    """Who issues JWTs for people: a JSON list, explained in docs/identities.md."""
    administrators: tuple[Person, ...] = ()
    """People who may do everything everywhere, such as `["users/ada"]`."""
    platforms: tuple[str, ...] = ("cli", "desktop", "web", "ios", "android", "service", "other")
    """Values that the `adjutant-platform` header may have."""
    platform_required: bool = False
    """Whether each call must say its platform."""
    otlp_endpoint: str = ""
    """OTLP gRPC address that spans go to, such as `http://127.0.0.1:4317`; empty means nowhere."""

    @field_validator("mongo_url")
    @classmethod
    def _require_where_it_is(cls, url: SecretStr, info: ValidationInfo) -> SecretStr:
        if info.data.get("store") == "mongo" and not url.get_secret_value():
            raise ValueError("ADJUTANT_STORE is mongo, so this must say where the server is")
        return url

    @property
    def mongo_database_name(self) -> str:
        """Database of the service; nobody else reads it."""
        return f"{self.mongo_database}_{self.service}"

    @property
    def port(self) -> int:
        """Port of the service."""
        return port_of(self.service, self.port_base, self.replica)

    @property
    def service_dir(self) -> Path:
        """Folder of the service; nobody else reads it."""
        return self.data_dir / self.service

    @property
    def nats_address(self) -> str:
        """Where NATS is."""
        return self.nats_url or f"nats://{_LOOPBACK}:{port_of('nats', self.port_base)}"

    @property
    def event_dedup_s(self) -> float:
        """Seconds that the log remembers event ids; no longer than the events themselves."""
        return min(self.event_dedup_window_s, self.event_max_age_s)

    @property
    def holder(self) -> str:
        """What this replica is called where it holds something: on this host nobody else is it.

        Whoever has the port is the one instance of the replica.
        """
        return f"{self.service}-{socket.gethostname()}-{self.port}"

    def addresses_of(self, service: str) -> tuple[str, ...]:
        """Where the replicas of a service are on the embedded default, each as `host:port`."""
        host = _LOOPBACK if self.host in ("0.0.0.0", "::") else self.host
        ports = [port_of(service, self.port_base, replica) for replica in range(self.replicas)]
        return tuple(f"{host}:{port}" for port in ports)

    def address_of(self, service: str) -> str:
        """Where another service is on the embedded default: its replicas, comma separated."""
        return joined(self.addresses_of(service))
