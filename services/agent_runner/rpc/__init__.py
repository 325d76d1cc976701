"""The agent runner's servicers: proto in, domain call, proto out."""
