"""Language models: one port, the providers behind it, and the gateway that every call takes."""
