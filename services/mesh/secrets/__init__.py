"""Secrets: sealed at rest with keys that stand elsewhere, and kept out of all that is written."""
