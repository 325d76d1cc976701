"""Attacks on a running mesh over the wire: it stays healthy and small, and serves the others."""
