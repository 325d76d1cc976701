"""Servicers: proto in, domain call, proto out."""
