"""What is counted, for whoever watches the mesh: how many calls were refused, and why.

Labels are words of the contract and names of limits. No resource's and no caller's name is one:
there would be as many rows as there are callers, and each would tell of somebody.
"""

from opentelemetry import metrics
from opentelemetry.exporter.otlp.proto.grpc.metric_exporter import OTLPMetricExporter
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import MetricReader, PeriodicExportingMetricReader
from opentelemetry.sdk.resources import Resource

from services.mesh.config import MeshSettings

_meter = metrics.get_meter("adjutant")
_denied = _meter.create_counter(
    "adjutant.calls.denied", unit="{call}", description="Calls that were not let in."
)
_limited = _meter.create_counter(
    "adjutant.calls.limited", unit="{call}", description="Calls that were over a limit."
)


def export(settings: MeshSettings) -> None:
    """Send what is counted to the OTLP endpoint, where one is set; else it is not counted."""
    if settings.otlp_endpoint:
        exporter = OTLPMetricExporter(settings.otlp_endpoint, insecure=True)
        metrics.set_meter_provider(make_provider(settings, PeriodicExportingMetricReader(exporter)))


def make_provider(settings: MeshSettings, reader: MetricReader) -> MeterProvider:
    """Return a meter provider for a service, which hands what is counted to `reader`."""
    name = f"adjutant-{settings.service}"
    return MeterProvider([reader], Resource.create({"service.name": name}))


def denied(method: str, reason: str) -> None:
    """Count a call that was not let in; `method` is `adjutant.orchestrator.v1.TaskService/GetTask`.

    It must be a method of the contract: what a caller made up is not for a label.
    """
    service, _, name = method.partition("/")
    _denied.add(1, {"service": service, "method": name, "reason": reason})


def limited(limit: str) -> None:
    """Count a call that was over a limit, such as `user` or `client streams`."""
    _limited.add(1, {"limit": limit})
