"""The server of a service: its port, its limits, its interceptors."""

import grpc

from services.mesh.config import MeshSettings
from services.mesh.interceptors.chain import Chain


def make_server(settings: MeshSettings, chain: Chain) -> grpc.aio.Server:
    """Return a server that has its port and does not serve yet. OSError where it is taken."""
    options = (
        # Two servers on one port would each get half of the calls, in silence.
        ("grpc.so_reuseport", 0),
        ("grpc.max_receive_message_length", settings.max_message_bytes),
        ("grpc.http2.min_ping_interval_without_data_ms", 10_000),
        ("grpc.http2.min_recv_ping_interval_without_data_ms", 10_000),
        ("grpc.keepalive_permit_without_calls", 1),
        # Keeps the server from running megabytes ahead of a reader that does not read.
        ("grpc.http2.bdp_probe", 0),
    )
    server = grpc.aio.server(interceptors=[chain], options=options)
    address = f"{settings.host}:{settings.port}"
    try:
        server.add_insecure_port(address)
    except RuntimeError as error:
        raise OSError(
            f"{address} is taken, so {settings.service} cannot start; end what listens there "
            "or choose another ADJUTANT_PORT_BASE."
        ) from error
    return server
