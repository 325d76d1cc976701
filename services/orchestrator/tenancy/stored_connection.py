"""Connections as they are stored, and as the contract has them."""

from typing import Final

from adjutant.orchestrator.v1 import connection_pb2
from services.mesh.secrets.envelope import Sealed
from services.mesh.store import Collection, Record
from services.orchestrator import convert

DEFAULT_USERNAME: Final = "adjutant"


class ConnectionRecord(Record):
    """A stored connection."""

    display_name: str = ""
    uri_prefix: str
    """In its normal form."""
    username: str = ""
    secret: Sealed | None = None


CONNECTIONS: Final = Collection("connections", ConnectionRecord, ("display_name", "uri_prefix"))


def to_message(record: ConnectionRecord) -> connection_pb2.Connection:
    """Return a connection as the contract's; its secret stays here."""
    return connection_pb2.Connection(
        name=record.name,
        display_name=record.display_name,
        uri_prefix=record.uri_prefix,
        username=record.username,
        has_secret=record.secret is not None,
        create_time=convert.time(record.create_time),
        update_time=convert.time(record.update_time),
        etag=record.etag,
    )
