"""The connection to MongoDB, and what its failures mean."""

import contextlib
import logging
from collections.abc import Iterator
from typing import Any, Final

from motor.motor_asyncio import AsyncIOMotorClient
from pymongo.errors import (
    AutoReconnect,
    ConfigurationError,
    DocumentTooLarge,
    ExecutionTimeout,
    InvalidURI,
    NetworkTimeout,
    OperationFailure,
    PyMongoError,
    WTimeoutError,
)

from services.mesh.config import MeshSettings
from services.mesh.errors import StoreUnavailableError
from services.mesh.secrets.redact import redact

MotorClient = AsyncIOMotorClient[dict[str, Any]]
SELECT_TIMEOUT_MS: Final = 3_000
SOCKET_TIMEOUT_MS: Final = 10_000
# At DEBUG it writes down every command, with the records in it.
logging.getLogger("pymongo").setLevel(logging.WARNING)
_AWAY: Final = (AutoReconnect, NetworkTimeout, ExecutionTimeout, WTimeoutError)
_TOO_LARGE: Final = (10334, 17419)


class StoreRefusedError(OSError):
    """The store cannot be opened; its text says what to do."""


def connect(settings: MeshSettings) -> MotorClient:
    """Return a client of the server that the settings name. StoreRefusedError.

    A write counts when a majority of the servers has it in its journal, and only such
    writes are read. These are the store's promises, hence no part of the URL.
    """
    try:
        return AsyncIOMotorClient(
            settings.mongo_url.get_secret_value(),
            w="majority",
            journal=True,
            readConcernLevel="majority",
            tz_aware=True,
            appname=f"adjutant-{settings.service}",
            serverSelectionTimeoutMS=SELECT_TIMEOUT_MS,
            connectTimeoutMS=SELECT_TIMEOUT_MS,
            socketTimeoutMS=SOCKET_TIMEOUT_MS,
            waitQueueTimeoutMS=SOCKET_TIMEOUT_MS,
        )
    except (InvalidURI, ConfigurationError, ValueError) as error:
        raise StoreRefusedError(
            f"ADJUTANT_MONGO_URL cannot be used: {redact(str(error))}; "
            "it is like mongodb://user:password@host:27017"
        ) from None


@contextlib.contextmanager
def opening(database: str) -> Iterator[None]:
    """Turn what goes wrong at the start into what to do. StoreRefusedError."""
    try:
        yield
    except _AWAY as error:
        where = redact(str(error)).partition(" (configured timeouts")[0]
        raise StoreRefusedError(
            f"the document store does not answer ({where}); start MongoDB, "
            "or correct ADJUTANT_MONGO_URL"
        ) from None
    except OperationFailure as error:
        raise StoreRefusedError(
            f"the document store refuses this service ({redact(str(error.details))}); see that the "
            f"user in ADJUTANT_MONGO_URL may read, write and make indexes in {database}"
        ) from None
    except PyMongoError as error:
        raise StoreRefusedError(
            f"the document store cannot be used ({redact(str(error))}); correct ADJUTANT_MONGO_URL"
        ) from None


@contextlib.contextmanager
def available() -> Iterator[None]:
    """Turn a server that is away into STORE_UNAVAILABLE."""
    try:
        yield
    except _AWAY as error:
        raise StoreUnavailableError from error
    except (DocumentTooLarge, OperationFailure) as error:
        if isinstance(error, OperationFailure) and error.code not in _TOO_LARGE:
            raise
        raise StoreUnavailableError(
            "The record and its events that wait to be published are larger than the store takes; "
            "see that the event log answers, and try again."
        ) from error
