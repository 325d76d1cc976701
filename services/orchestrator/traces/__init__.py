"""Traces: what models and tools were asked and answered, kept for a while and sent to MLflow."""
