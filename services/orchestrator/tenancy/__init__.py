"""Clients, groups and projects; who is a member; API keys; and the audit log."""
