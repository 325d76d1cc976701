"""The event log: publish through the outbox, handle durably, stream with cursors."""

from services.mesh.events.consumer import Consumer
from services.mesh.events.cursor import Filter
from services.mesh.events.envelope import new_event
from services.mesh.events.hub import Hub
from services.mesh.events.log import EventLog, LogEntry
from services.mesh.events.outbox import Relay
from services.mesh.events.reader import Ending, Frame, shutting_down

__all__ = [
    "Consumer",
    "Ending",
    "EventLog",
    "Filter",
    "Frame",
    "Hub",
    "LogEntry",
    "Relay",
    "new_event",
    "shutting_down",
]
