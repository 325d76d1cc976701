"""The server of a service: its port, its limits, its interceptors."""

import resource
from typing import Any, Final

import grpc

from services.mesh.config import MeshSettings
from services.mesh.identity.tls import server_credentials
from services.mesh.interceptors.chain import Chain

_LIMITS: Final[tuple[tuple[str, Any], ...]] = (
    # Two servers on one port would each get half of the calls, in silence.
    ("grpc.so_reuseport", 0),
    # Whoever calls several replicas asks each every five seconds whether it is still there.
    ("grpc.http2.min_ping_interval_without_data_ms", 2_500),
    ("grpc.http2.min_recv_ping_interval_without_data_ms", 2_500),
    ("grpc.keepalive_permit_without_calls", 1),
    # Keeps the server from running megabytes ahead of a reader that does not read.
    ("grpc.http2.bdp_probe", 0),
    # What is taken of a message before anybody asked for it: it is held for callers who are nobody.
    ("grpc.http2.lookahead_bytes", 16 * 1024),
    # Without it a connection may have as many as it likes. Who is known has a limit of their own
    # besides (services/mesh/limits); this is for who is not.
    ("grpc.max_concurrent_streams", 1024),
    # Between the two gRPC refuses by chance; the first holds a token of 8 KB and all the rest.
    ("grpc.max_metadata_size", 16 * 1024),
    ("grpc.absolute_max_metadata_size", 24 * 1024),
    # Whoever connects and does not greet is gone soon, and not after two minutes.
    ("grpc.server_handshake_timeout_ms", 10_000),
    # Connections on which nothing is called, and those whose other end has lost its power.
    ("grpc.max_connection_idle_ms", 300_000),
    ("grpc.keepalive_time_ms", 60_000),
    ("grpc.keepalive_timeout_ms", 20_000),
    # A message of 4 MB that says it is compressed could become any size: nobody sends such.
    ("grpc.compression_enabled_algorithms_bitset", 1),
)
_MAX_INT: Final = 2**31 - 1


def make_server(settings: MeshSettings, chain: Chain) -> grpc.aio.Server:
    """Return a server that has its port and does not serve yet.

    OSError where the port is taken, or the certificate cannot be used.
    """
    options = (*_LIMITS, ("grpc.max_receive_message_length", settings.max_message_bytes))
    options = (*options, ("grpc.max_allowed_incoming_connections", _most_connections()))
    options = (*options, *_ages(settings.stream_max_age_s))
    server = grpc.aio.server(interceptors=[chain], options=options)
    address = f"{settings.host}:{settings.port}"
    credentials = server_credentials(settings)
    try:
        if credentials:
            server.add_secure_port(address, credentials)
        else:
            server.add_insecure_port(address)
    except RuntimeError as error:
        raise OSError(
            f"{address} is taken, so {settings.service} cannot start; end what listens there "
            "or choose another ADJUTANT_PORT_BASE."
        ) from error
    return server


def _ages(max_age_s: float) -> tuple[tuple[str, Any], ...]:
    """Return how old a connection may become: a certificate is looked at when one begins.

    At that age no new call is taken on it, and a caller connects again by itself; streams have
    ended by then, or do within as long again.
    """
    age_ms = min(int(max_age_s * 1000), _MAX_INT)
    return (("grpc.max_connection_age_ms", age_ms), ("grpc.max_connection_age_grace_ms", age_ms))


def _most_connections() -> int:
    """Return how many connections there may be at once.

    The store, jobs and the event log need files too: connections get three quarters of them.
    """
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return soft * 3 // 4 if soft != resource.RLIM_INFINITY else 100_000
