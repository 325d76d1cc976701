"""What is counted in this process."""

from typing import Any

from opentelemetry.sdk.metrics.export import InMemoryMetricReader

Row = tuple[tuple[str, Any], ...]


def counted(reader: InMemoryMetricReader, name: str) -> dict[Row, float]:
    """Return each row of a counter, or how often a histogram was told: its labels and number."""
    data: Any = reader.get_metrics_data()
    return {
        tuple(sorted(point.attributes.items())): getattr(point, "value", None) or point.count
        for resource in (data.resource_metrics if data else [])
        for scope in resource.scope_metrics
        for metric in scope.metrics
        if metric.name == name
        for point in metric.data.data_points
    }
