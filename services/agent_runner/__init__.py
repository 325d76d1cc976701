"""The agent runner: it runs agents in workspaces of their own, without making anybody wait."""
