"""The outside world of the orchestrator, behind ports."""
