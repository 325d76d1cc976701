"""Messages to running tasks, each handed over once."""
