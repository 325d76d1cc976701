"""The chain of interceptors that every server has."""

from typing import Any

import grpc
from opentelemetry.instrumentation.grpc import aio_server_interceptor

from services.mesh.config import MeshSettings
from services.mesh.interceptors.deadline import Deadline
from services.mesh.interceptors.errors import Errors
from services.mesh.interceptors.leaving import Leaving
from services.mesh.interceptors.validation import Validation
from services.mesh.interceptors.wrap import Wrapping, is_infrastructure


def interceptors(settings: MeshSettings) -> list[grpc.aio.ServerInterceptor]:
    """Return the chain, outermost first.

    Errors stand inside telemetry, which would record an exception as success.
    """
    tracing = aio_server_interceptor(filter_=_is_ours)  # type: ignore[no-untyped-call]  # theirs
    return [
        Leaving(),
        tracing,
        Wrapping(Errors()),
        Wrapping(Deadline(settings.unary_timeout_s)),
        Wrapping(Validation()),
    ]


def _is_ours(details: Any) -> bool:
    return not is_infrastructure(details.method)
