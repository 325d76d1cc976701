"""The streams of the mesh: the log of events, and the audit log beside it."""

from typing import Final

from nats.js import api

from services.mesh.config import MeshSettings
from services.mesh.events.envelope import AUDIT_PREFIX, SUBJECT_PREFIX

STREAM: Final = "ADJUTANT_EVENTS"
AUDIT_STREAM: Final = "ADJUTANT_AUDIT"


def stream_of(subject: str) -> str:
    """Return the stream that holds a subject."""
    return AUDIT_STREAM if subject.startswith(f"{AUDIT_PREFIX}.") else STREAM


def configs(settings: MeshSettings) -> list[api.StreamConfig]:
    """Return what each stream is made with."""
    return [_events(settings), _audit(settings)]


def _events(settings: MeshSettings) -> api.StreamConfig:
    return api.StreamConfig(
        name=STREAM,
        subjects=[f"{SUBJECT_PREFIX}.>"],
        storage=api.StorageType.FILE,
        max_age=settings.event_max_age_s,
        max_bytes=settings.event_max_bytes,
        discard=api.DiscardPolicy.OLD,
        duplicate_window=settings.event_dedup_s,
        allow_direct=True,
    )


def _audit(settings: MeshSettings) -> api.StreamConfig:
    # Nobody removes an entry, not even through NATS; age alone does. There is no limit in
    # bytes: it would let whoever makes many entries push out those that tell of it.
    return api.StreamConfig(
        name=AUDIT_STREAM,
        subjects=[f"{AUDIT_PREFIX}.>"],
        storage=api.StorageType.FILE,
        max_age=settings.audit_max_age_s,
        discard=api.DiscardPolicy.OLD,
        duplicate_window=min(settings.event_dedup_s, settings.audit_max_age_s),
        deny_delete=True,
        deny_purge=True,
        allow_direct=True,
    )
