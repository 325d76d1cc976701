"""Approvals: questions that hold a task, or an agent, until a person answers."""
