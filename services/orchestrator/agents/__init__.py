"""Agents of chat: who answers a message, with which tools, and what they may do with them."""
