"""Guards, fields that callers do not see, and purges; one suite for all adapters."""

import asyncio

import pytest

from services.mesh.errors import AdjutantError
from services.mesh.store import Collection, Look, Record, Store, now
from tests.support.stores import Open

CLIENT = "clients/acme"


class Box(Record):
    state: str = "OPEN"
    label: str = ""


class Lid(Record):
    pass


BOXES = Collection("boxes", Box, ("label",), ("state",), permanent=True)
LIDS = Collection("lids", Lid)


def box(name: str, **fields: str) -> Box:
    return Box(name=f"{CLIENT}/boxes/{name}", create_time=now(), update_time=now(), **fields)


def lid(name: str, parent: str = CLIENT) -> Lid:
    return Lid(name=f"{parent}/lids/{name}", create_time=now(), update_time=now())


@pytest.fixture
async def boxes(open_replica: Open) -> Store:
    return await open_replica([BOXES, LIDS])


def is_open(look: Look) -> None:
    found = look.find(BOXES, f"{CLIENT}/boxes/b")
    if found is None or found.state != "OPEN":
        raise AdjutantError("NOT_FOUND", "no box")


def is_empty(look: Look) -> None:
    if look.holds(LIDS, {"parent": (CLIENT,)}):
        raise AdjutantError("NOT_EMPTY", "has lids")


def close(record: Box) -> list[object]:
    record.state = "SHUT"
    return []


async def test_a_guard_that_raises_leaves_nothing_behind(boxes: Store) -> None:
    with pytest.raises(AdjutantError, match="no box"):
        await boxes.insert(LIDS, lid("a"), guard=is_open)
    assert await boxes.find(LIDS, lid("a").name) is None
    await boxes.insert(BOXES, box("b"))
    await boxes.insert(LIDS, lid("a"), guard=is_open)
    with pytest.raises(AdjutantError, match="has lids"):
        await boxes.update(BOXES, box("b").name, close, guard=is_empty)  # type: ignore[arg-type]
    assert (await boxes.get(BOXES, box("b").name)).state == "OPEN"


async def test_two_guards_that_exclude_each_other_never_both_pass(open_replica: Open) -> None:
    first = await open_replica([BOXES, LIDS])
    second = await open_replica([BOXES, LIDS])
    for _ in range(20):
        await first.purge("clients")
        name = f"{CLIENT}/boxes/b"
        if await first.find(BOXES, name) is None:
            await first.insert(BOXES, box("b"))

        def reopen(record: Box) -> list[object]:
            record.state = "OPEN"
            return []

        await first.update(BOXES, name, reopen)  # type: ignore[arg-type]
        outcomes = await asyncio.gather(
            first.insert(LIDS, lid("a"), guard=is_open),
            second.update(BOXES, name, close, guard=is_empty),  # type: ignore[arg-type]
            return_exceptions=True,
        )
        assert sum(isinstance(outcome, AdjutantError) for outcome in outcomes) == 1


async def test_hidden_fields_are_the_services_own(boxes: Store) -> None:
    await boxes.insert(BOXES, box("a"))
    await boxes.insert(BOXES, box("b", state="SHUT"))
    shown = await boxes.page(BOXES, parent=CLIENT, where={"state": "OPEN"})
    assert [record.name for record in shown.records] == [f"{CLIENT}/boxes/a"]
    with pytest.raises(AdjutantError, match="INVALID_FILTER"):
        await boxes.page(BOXES, parent=CLIENT, filter_text='state = "SHUT"')
    with pytest.raises(AdjutantError, match="INVALID_FILTER"):
        await boxes.page(BOXES, parent=CLIENT, order_by="state")


async def test_any_parent_can_be_asked_for(boxes: Store) -> None:
    await boxes.insert(LIDS, lid("a"))
    await boxes.insert(LIDS, lid("b", "clients/other"))
    assert len((await boxes.page(LIDS, parent=None)).records) == 2
    assert len((await boxes.page(LIDS, parent=CLIENT)).records) == 1
    assert not (await boxes.page(LIDS, parent="")).records


async def test_a_purge_removes_what_is_below_and_nothing_else(boxes: Store) -> None:
    project = f"{CLIENT}/projects/web"
    kept = [f"{CLIENT}/projects/web0", f"{CLIENT}/projects/we", f"{CLIENT}/projects/web-1", CLIENT]
    for number in range(1200):
        await boxes.insert(LIDS, lid(f"l-{number}", project))
    for parent in kept:
        await boxes.insert(LIDS, lid("l", parent))
    await boxes.insert(BOXES, Box(name=f"{project}/boxes/b", create_time=now(), update_time=now()))
    assert await boxes.purge(project) == 1200
    assert await boxes.purge(project) == 0
    left = [record.name async for record in boxes.scan(LIDS, {})]
    assert sorted(left) == sorted(f"{parent}/lids/l" for parent in kept)
    assert [record.name async for record in boxes.scan(BOXES, {})] == [f"{project}/boxes/b"]
