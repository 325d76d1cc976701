"""What every call passes on its way in: telemetry, errors, deadline, access, limits, validation."""
