"""Lists of a document store: filters, orders, pages and scans; one suite for all adapters."""

import base64
import json
import random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.mesh.errors import AdjutantError
from services.mesh.store import Store
from services.mesh.store.query import MAX_PAGE_SIZE, parse_filter, parse_query
from tests.unit.mesh.conftest import NOTES, PARENT, Note, note

FIELDS = NOTES.queryable


async def fill(store: Store, count: int) -> list[Note]:
    """Insert notes, some of which were made in the same second."""
    chance = random.Random(7)
    notes = [
        note(
            f"n-{n:03d}",
            second=n // 3 % 60,
            state=chance.choice(["OPEN", "DONE"]),
            title=chance.choice(["a", "b", "c d"]),
        )
        for n in range(count)
    ]
    for record in chance.sample(notes, count):
        await store.insert(NOTES, record)
    return notes


async def listed(store: Store, page_size: int = 7, **query: Any) -> list[str]:
    """Return the ids on all pages."""
    found: list[Note] = []
    token = ""
    while True:
        page = await store.page(
            NOTES, parent=PARENT, page_size=page_size, page_token=token, **query
        )
        assert len(page.records) <= page_size
        found += page.records
        token = page.next_page_token
        if not token:
            return [record.name.rpartition("/")[2] for record in found]
        assert page.records


async def reason_of(store: Store, **query: Any) -> tuple[str, str]:
    with pytest.raises(AdjutantError) as caught:
        await store.page(NOTES, parent=PARENT, **query)
    return caught.value.reason, caught.value.field


@pytest.mark.parametrize("page_size", [1, 7, 60, 500])
@pytest.mark.parametrize("field", ["title", "state", "create_time"])
@pytest.mark.parametrize("direction", ["asc", "desc"])
async def test_all_pages_together_are_the_list(
    store: Store, page_size: int, field: str, direction: str
) -> None:
    notes = await fill(store, 60)
    expected = sorted(notes, key=lambda n: (getattr(n, field), n.name), reverse=direction == "desc")
    ids = await listed(store, page_size, order_by=f"{field} {direction}")
    assert ids == [record.name.rpartition("/")[2] for record in expected]


async def test_newest_first_where_nothing_is_asked(store: Store) -> None:
    notes = await fill(store, 30)
    expected = sorted(notes, key=lambda n: (n.create_time, n.name), reverse=True)
    assert await listed(store) == [record.name.rpartition("/")[2] for record in expected]


async def test_what_is_inserted_meanwhile_neither_repeats_nor_hides_the_rest(store: Store) -> None:
    await fill(store, 20)
    first = await store.page(NOTES, parent=PARENT, page_size=10, order_by="create_time")
    for n in range(5):
        await store.insert(NOTES, note(f"early-{n}", second=0))
    second = await store.page(
        NOTES,
        parent=PARENT,
        page_size=100,
        order_by="create_time",
        page_token=first.next_page_token,
    )
    names = [record.name for record in (*first.records, *second.records)]
    assert len(names) == len(set(names))
    assert {f"{PARENT}/notes/n-{n:03d}" for n in range(20)} <= set(names)


async def test_a_list_holds_its_project_only(store: Store) -> None:
    await store.insert(NOTES, note("a"))
    await store.insert(NOTES, note("b", parent="clients/acme/projects/other"))
    assert await listed(store) == ["a"]


@pytest.mark.parametrize(
    ("filter_text", "expected"),
    [
        ('state = "OPEN"', "ab"),
        ("state=OPEN", "ab"),
        ('state != "OPEN"', "c"),
        ('state = "OPEN" AND title = "b"', "b"),
        ('title > "a"', "bc"),
        ('title >= "a" AND title < "c d"', "ab"),
        ('title = "c d"', "c"),
        ('create_time > "2026-01-01T12:00:01Z"', "c"),
        ("create_time <= 2026-01-01T12:00:01Z", "ab"),
        ('create_time = "2026-01-01T13:00:01+01:00"', "b"),
        ('create_time > "2025-12-31"', "abc"),
        ('title = "x\' OR 1=1 --"', ""),
        ("   ", "abc"),
    ],
)
async def test_a_filter_keeps_what_matches(store: Store, filter_text: str, expected: str) -> None:
    await store.insert(NOTES, note("a", second=0, title="a"))
    await store.insert(NOTES, note("b", second=1, title="b"))
    await store.insert(NOTES, note("c", second=2, title="c d", state="DONE"))
    found = await listed(store, filter_text=filter_text, order_by="create_time")
    assert "".join(found) == expected


@pytest.mark.parametrize(
    "filter_text",
    [
        "state",
        "state =",
        "= OPEN",
        'state = "OPEN',
        'state = "OPEN" title = "a"',
        'state = "OPEN" AND',
        'AND state = "OPEN"',
        'state = "OPEN" OR state = "DONE"',
        "state ~ OPEN",
        "count = 1",
        "name = x",
        "create_time > yesterday",
        '(state = "OPEN")',
    ],
)
async def test_a_filter_that_cannot_be_read_is_refused(store: Store, filter_text: str) -> None:
    assert await reason_of(store, filter_text=filter_text) == ("INVALID_FILTER", "filter")


@pytest.mark.parametrize(
    "order_by", ["count", "state up", "state, title", "state desc asc", "desc"]
)
async def test_an_order_that_cannot_be_read_is_refused(store: Store, order_by: str) -> None:
    assert await reason_of(store, order_by=order_by) == ("INVALID_FILTER", "order_by")


async def test_the_error_says_what_can_be_filtered_by(store: Store) -> None:
    with pytest.raises(AdjutantError, match="use state, title, create_time, update_time"):
        await store.page(NOTES, parent=PARENT, filter_text="colour = red")


async def test_a_page_token_is_good_for_its_own_query(store: Store) -> None:
    await fill(store, 20)
    page = await store.page(NOTES, parent=PARENT, page_size=5)
    token = page.next_page_token
    for query in ({"filter_text": "state = OPEN"}, {"order_by": "title"}):
        expected = ("INVALID_PAGE_TOKEN", "page_token")
        assert await reason_of(store, page_token=token, **query) == expected
    with pytest.raises(AdjutantError, match="another query"):
        await store.page(NOTES, parent="clients/acme/projects/other", page_token=token)
    assert (await store.page(NOTES, parent=PARENT, page_size=9, page_token=token)).records


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)
made_up = json_values.map(lambda value: base64.urlsafe_b64encode(json.dumps(value).encode()))
deep = base64.urlsafe_b64encode(b"[" * 1400)


@given(st.text(min_size=1) | made_up.map(bytes.decode) | st.just(deep.decode()))
def test_a_page_token_that_was_made_up_is_refused(token: str) -> None:
    with pytest.raises(AdjutantError) as caught:
        parse_query(
            FIELDS, parent=PARENT, filter_text="", order_by="", page_size=0, page_token=token
        )
    assert caught.value.reason == "INVALID_PAGE_TOKEN"


@given(st.text())
def test_no_filter_breaks_the_parser(text: str) -> None:
    reason = ""
    try:
        conditions = parse_filter(text, FIELDS)
    except AdjutantError as error:
        reason = error.reason
    assert reason == "INVALID_FILTER" or conditions or not text.strip()


async def test_a_page_holds_at_most_five_hundred(store: Store) -> None:
    for n in range(MAX_PAGE_SIZE + 1):
        await store.insert(NOTES, note(f"n-{n}"))
    page = await store.page(NOTES, parent=PARENT, page_size=1_000_000)
    assert len(page.records) == MAX_PAGE_SIZE
    page = await store.page(NOTES, parent=PARENT, page_token=page.next_page_token)
    assert len(page.records) == 1
    assert len((await store.page(NOTES, parent=PARENT)).records) == 50


async def test_a_scan_yields_all_that_match_across_projects_oldest_first(store: Store) -> None:
    notes = await fill(store, 30)
    other = note("z", parent="clients/b/projects/c", second=59, state="DONE")
    await store.insert(NOTES, other)
    expected = sorted((*notes, other), key=lambda n: (n.create_time, n.name))
    found = [record.name async for record in store.scan(NOTES, {"state": ("DONE", "OPEN")})]
    assert found == [record.name for record in expected]
    done = [record.name async for record in store.scan(NOTES, {"state": ("DONE",)})]
    assert done == [record.name for record in expected if record.state == "DONE"]
    assert [record async for record in store.scan(NOTES, {"state": ()})] == []


async def test_a_scan_goes_on_over_many_batches(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    for adapter in ("sqlite", "mongo"):
        monkeypatch.setattr(f"services.mesh.store.{adapter}.SCAN_BATCH", 4)
    notes = await fill(store, 24)
    found = [record.name async for record in store.scan(NOTES, {})]
    assert found == [record.name for record in notes]


async def test_a_page_of_large_records_stays_smaller_than_a_message(store: Store) -> None:
    text = "x" * 200_000
    for n in range(30):
        await store.insert(NOTES, note(f"n-{n:03d}", second=n, title=text))
    page = await store.page(NOTES, parent=PARENT, page_size=100, order_by="create_time")
    assert 1 < len(page.records) < 4 * 2**20 / len(text)
    assert page.next_page_token
    every = await listed(store, 100, order_by="create_time")
    assert every == [f"n-{n:03d}" for n in range(30)]
