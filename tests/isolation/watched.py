"""What the services tell whoever operates them: every span and every metric, in memory."""

from collections.abc import Iterator

from opentelemetry import metrics, trace
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from services.mesh import telemetry
from services.mesh.config import MeshSettings
from services.mesh.metrics import make_provider


class Watched:
    """Takes spans and metrics of this process from now on; there can be one of it."""

    def __init__(self) -> None:
        self._spans = InMemorySpanExporter()
        self._reader = InMemoryMetricReader()
        trace.set_tracer_provider(
            telemetry.make_provider(MeshSettings(), SimpleSpanProcessor(self._spans))
        )
        metrics.set_meter_provider(make_provider(MeshSettings(), self._reader))

    def spans(self) -> list[str]:
        """Return each span with everything in it as text."""
        return [_text(span) for span in self._spans.get_finished_spans()]

    def labels(self) -> list[str]:
        """Return each row of each metric as text."""
        return list(self._rows())

    def _rows(self) -> Iterator[str]:
        data = self._reader.get_metrics_data()
        for resource in data.resource_metrics if data else ():
            for scope in resource.scope_metrics:
                for metric in scope.metrics:
                    for point in metric.data.data_points:
                        yield f"{metric.name} {dict(point.attributes or {})}"


def _text(span: ReadableSpan) -> str:
    events = [(event.name, dict(event.attributes or {})) for event in span.events]
    return f"{span.name} {dict(span.attributes or {})} {events} {span.status.description}"
