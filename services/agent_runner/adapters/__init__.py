"""The outside world of the agent runner: processes and git, behind its ports."""
