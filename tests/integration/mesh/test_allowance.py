"""Limits at the door: who is over one is told which, and when to come again."""

from typing import Any

import grpc
import pytest
from google.rpc import error_details_pb2
from grpc_status import rpc_status
from opentelemetry import metrics as api
from opentelemetry.sdk.metrics.export import InMemoryMetricReader

from adjutant.orchestrator.v1 import task_service_pb2
from services.mesh import metrics
from services.mesh.identity import Kind, Principal
from tests.integration.mesh.harness import TASK
from tests.integration.mesh.serving import Served

ADA = Principal("users/ada", Kind.USER, "https://issuer.example")
WATCH = task_service_pb2.WatchTaskRequest(name=TASK)
SLOW: dict[str, Any] = {"rate_limit_user_per_minute": 6.0, "rate_limit_burst_s": 50.0}
USER_BURST = 5


@pytest.fixture(scope="module")
def reader() -> InMemoryMetricReader:
    """What is counted in this process; it can be said once only."""
    made = InMemoryMetricReader()
    from services.mesh.config import MeshSettings

    api.set_meter_provider(metrics.make_provider(MeshSettings(), made))
    return made


def counted(reader: InMemoryMetricReader, name: str) -> dict[tuple[tuple[str, Any], ...], float]:
    """Return each row of a counter: its labels and its number."""
    data = reader.get_metrics_data()
    return {
        tuple(sorted((point.attributes or {}).items())): point.value  # type: ignore[union-attr]
        for resource in (data.resource_metrics if data else [])
        for scope in resource.scope_metrics
        for metric in scope.metrics
        if metric.name == name
        for point in metric.data.data_points
    }


def details(error: grpc.aio.AioRpcError) -> tuple[error_details_pb2.ErrorInfo, float]:
    """Return what an error says, and the seconds after which to come again."""
    info, retry = error_details_pb2.ErrorInfo(), error_details_pb2.RetryInfo()
    status = rpc_status.from_call(error)
    assert status is not None
    for detail in status.details:
        detail.Unpack(info) or detail.Unpack(retry)
    return info, retry.retry_delay.ToNanoseconds() / 1e9


def be_ada(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let every call be of somebody who is no administrator and may do everything here.

    A double for a JWT and its issuer, which tests/integration/mesh has not.
    """
    (door,) = list(served.doors)
    monkeypatch.setattr(door._authenticator, "known", lambda *_: ADA)

    async def allow(*_: Any) -> None:
        return None

    monkeypatch.setattr(door._authorizer, "require", allow)
