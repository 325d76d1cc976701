"""The audit log: who was let in, refused, decided, took out, removed. It only grows.

Entries are events of their own stream (services/mesh/events/streams.py), committed
with the change that they tell of and published by the same relay.
"""

from services.mesh.audit.entry import Caller, new_entry
from services.mesh.audit.recorder import Recorder

__all__ = ["Caller", "Recorder", "new_entry"]
