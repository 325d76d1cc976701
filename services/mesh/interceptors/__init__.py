"""What every call passes on its way in: telemetry, errors, deadline, validation."""

from services.mesh.interceptors.chain import interceptors

__all__ = ["interceptors"]
