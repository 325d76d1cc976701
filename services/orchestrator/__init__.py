"""The Orchestrator: takes tasks, plans them, has agents run the steps, asks people, commits."""
