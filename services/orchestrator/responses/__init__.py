"""Responses: answers to messages, made in the background, streamed to whoever listens."""
