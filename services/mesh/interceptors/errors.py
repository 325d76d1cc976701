"""Turns what handlers raise into the errors that callers see."""

from __future__ import annotations  # gRPC's types take parameters in stubs only

import asyncio
import logging
from typing import Any, NoReturn

import grpc
from grpc.aio import AbortError
from opentelemetry import trace

from services.mesh import telemetry
from services.mesh.access.contract import Method
from services.mesh.errors import AdjutantError
from services.mesh.interceptors.chain import Context, Inner

log = logging.getLogger(__name__)


class Errors:
    """Sends AdjutantError with its details, and anything else as INTERNAL without its text."""

    async def __call__(self, inner: Inner, method: Method, context: Context) -> Any:
        """Run the call, and abort with the error that it raised."""
        try:
            return await inner()
        except (AbortError, asyncio.CancelledError):
            raise
        except Exception as error:
            await _abort(context, error)


async def _abort(context: Context, error: Exception) -> NoReturn:
    known = error if isinstance(error, AdjutantError) else _unexpected(error)
    trace.get_current_span().set_attribute("adjutant.reason", known.reason)
    status = known.to_status()
    await context.abort(
        known.code,
        status.message,
        (("grpc-status-details-bin", status.SerializeToString()),),
    )


def _unexpected(error: Exception) -> AdjutantError:
    if isinstance(error, grpc.aio.AioRpcError) and error.code() == grpc.StatusCode.UNAVAILABLE:
        return AdjutantError(
            "EVENT_LOG_UNAVAILABLE", "Another service is away; try again.", retry_after_s=1.0
        )
    identity = telemetry.trace_id()
    log.error("a call failed unexpectedly", exc_info=error)
    return AdjutantError(
        "INTERNAL",
        "Something went wrong on our side; the service's log has it"
        + (f" under trace {identity}." if identity else "."),
        metadata={"trace": identity},
    )
