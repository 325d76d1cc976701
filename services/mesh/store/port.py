"""What a document store does, whichever database is behind it.

A record is one document. It changes as a whole: `replace` succeeds only on
the revision that was read, and the events that announce the change are
committed with it. A relay publishes them from there (services/mesh/events).
The first commit within a call takes the audit entries that wait in it
(services/mesh/access/caller.py), so that no change is without its entry.
"""

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated, Any, Generic, Protocol, TypeVar

from pydantic import BaseModel, ConfigDict, PlainSerializer

from adjutant.event.v1 import event_pb2

TIME_FORMAT = "%Y-%m-%dT%H:%M:%S.%fZ"


def now() -> datetime:
    """Return the present moment in UTC."""
    return datetime.now(UTC)


def time_text(time: datetime) -> str:
    """Return a moment as it is stored: text that sorts as time does."""
    return time.astimezone(UTC).strftime(TIME_FORMAT)


# Always six digits of fraction, so that stored times sort as text.
UtcTime = Annotated[datetime, PlainSerializer(time_text, return_type=str, when_used="json")]
"""A moment in UTC."""


class Record(BaseModel):
    """A stored document; services derive theirs from it."""

    model_config = ConfigDict(extra="forbid", validate_assignment=False)

    name: str
    """Resource name; the key."""
    revision: int = 0
    """Counts the changes; the store sets it."""
    fence: int = 0
    """Highest fencing token that wrote the record; a write with a lower one is refused."""
    create_time: UtcTime
    """When it was made."""
    update_time: UtcTime
    """When it last changed; the store sets it."""

    @property
    def etag(self) -> str:
        """What changes with every change."""
        return f"{self.revision:x}"


R = TypeVar("R", bound=Record)


@dataclass(frozen=True)
class WordIndex:
    """What a collection's records are searched by."""

    within: str
    """Hidden field; a search is among the records that have one value there."""
    words: str
    """Field with the record's words, a list of strings."""


@dataclass(frozen=True)
class Collection(Generic[R]):
    """Where records of one kind are kept."""

    name: str
    """Collection id as in resource names, such as `tasks`."""
    record: type[R]
    """Their type."""
    fields: tuple[str, ...] = ()
    """String fields of the record that can be filtered and sorted by; they are indexed."""
    hidden: tuple[str, ...] = ()
    """String fields that only the service itself can list and scan by; they are indexed."""
    searched: WordIndex | None = None
    """What `search` finds its records by; None where nobody searches them."""
    permanent: bool = False
    """Whether its records outlive what they are in, so that a name is never given twice."""

    @property
    def queryable(self) -> tuple[str, ...]:
        """Every field that a filter or order may name."""
        return (*self.fields, "create_time", "update_time")


@dataclass(frozen=True)
class RequestKey:
    """What makes a creating call idempotent."""

    parent: str
    """Scope in which the id is unique."""
    request_id: str
    """The caller's id; empty means that the call is not repeatable."""
    digest: str
    """Digest of the request's body: the same id with another body is an error."""


@dataclass(frozen=True)
class Inserted(Generic[R]):
    """Outcome of an insert."""

    record: R
    """The new record, or the one that the same request made before."""
    created: bool
    """Whether it is new."""


@dataclass(frozen=True)
class Page(Generic[R]):
    """A piece of a list."""

    records: list[R]
    """The records, in order."""
    next_page_token: str
    """Asks for the next page; empty on the last."""


@dataclass(frozen=True)
class OutboxEntry:
    """An event that is committed and waits to be published."""

    position: object
    """Where it waits, which only the store understands; `clear_outbox` takes it."""
    event: event_pb2.Event
    """The event."""
    headers: Mapping[str, str]
    """Trace context of whoever made the change."""


class Look(Protocol):
    """What a guard sees: the store within the transaction that is under way."""

    def find(self, collection: Collection[R], name: str) -> R | None:
        """Return a record, or None."""

    def holds(self, collection: Collection[Any], where: Mapping[str, Sequence[str]]) -> bool:
        """Tell whether a record has one of the values in each of the fields.

        A field is `parent` or one of the collection's.
        """


Guard = Callable[[Look], None]
"""Raises where a write must not happen. It runs in the write's transaction, on any thread,
so that what it saw still holds when the write is committed; it does nothing else."""


class Store(Protocol):
    """A document store. Every method may raise AdjutantError."""

    async def insert(
        self,
        collection: Collection[R],
        record: R,
        *,
        events: Sequence[event_pb2.Event] = (),
        request: RequestKey | None = None,
        guard: Guard | None = None,
    ) -> Inserted[R]:
        """Make a record. REQUEST_ID_REUSED, ALREADY_EXISTS, and what the guard raises."""

    async def get(self, collection: Collection[R], name: str) -> R:
        """Return a record. NOT_FOUND."""

    async def find(self, collection: Collection[R], name: str) -> R | None:
        """Return a record, or None."""

    async def replace(
        self, collection: Collection[R], record: R, *, events: Sequence[event_pb2.Event] = ()
    ) -> R:
        """Write a changed record over the revision that it was read at. CONCURRENT_CHANGE."""

    async def update(
        self,
        collection: Collection[R],
        name: str,
        change: Callable[[R], Sequence[event_pb2.Event] | None],
        *,
        fence: int | None = None,
        guard: Guard | None = None,
    ) -> R:
        """Read, change and replace, again where somebody else was faster.

        `change` alters the record in place and returns the events to announce
        it with; None leaves it as it is. It may be called more than once, on any
        thread, and does nothing else. With a fence, STALE_FENCE is raised
        where a holder of a later lease has written. The guard sees what was there before.
        """

    async def delete(
        self, collection: Collection[R], name: str, *, events: Sequence[event_pb2.Event] = ()
    ) -> None:
        """Remove a record for good; its name may be given again. NOT_FOUND."""

    async def append(self, events: Sequence[event_pb2.Event]) -> None:
        """Commit events that no record's change goes with."""

    async def page(
        self,
        collection: Collection[R],
        *,
        parent: str | None,
        filter_text: str = "",
        order_by: str = "",
        page_size: int = 0,
        page_token: str = "",
        where: Mapping[str, str] | None = None,
    ) -> Page[R]:
        """Return a page of the records in a parent. INVALID_FILTER, INVALID_PAGE_TOKEN.

        An empty parent is the mesh itself; None is any.
        `where` keeps those whose fields, hidden ones too, have these values; it is no caller's.
        """

    async def search(
        self,
        collection: Collection[R],
        *,
        within: str,
        words: Sequence[str],
        page_size: int = 0,
        page_token: str = "",
    ) -> Page[R]:
        """Return a page of the records that have, for each word, one that begins with it.

        Of those only that have `within` in the field of the collection's index; newest first.
        Words are compared as they are, so both sides fold case alike. INVALID_PAGE_TOKEN.
        """

    def scan(
        self, collection: Collection[R], where: Mapping[str, Sequence[str]]
    ) -> AsyncIterator[R]:
        """Yield every record whose fields have one of the values, oldest first."""

    async def due(
        self, collection: Collection[R], field: str, before: datetime, limit: int
    ) -> list[R]:
        """Return the records whose time in a hidden field has come, the longest due first.

        The field is a UtcTime or None; records without a time are never due.
        """

    async def next_due(self, collection: Collection[Any], field: str) -> datetime | None:
        """Return the earliest time in a hidden field of all records; None where there is none."""

    async def purge(self, parent: str) -> int:
        """Remove for good what is below a parent, in every collection that is not permanent.

        Returns how many records there were. It may be cut off half-way and done again.
        A write that passed its guard before and is not committed yet meets its guard again.
        """

    async def outbox(self, limit: int) -> list[OutboxEntry]:
        """Return the oldest events that wait to be published."""

    async def clear_outbox(self, positions: Sequence[object]) -> None:
        """Forget events that are published."""

    def on_commit(self, wake: Callable[[], None]) -> None:
        """Call `wake` in the event loop after each commit that had events."""

    async def close(self) -> None:
        """Let go of the database."""
