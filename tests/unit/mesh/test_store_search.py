"""Searches of a document store by words; one suite for all adapters."""

import pathlib

import pytest
from pydantic import Field

from services.mesh.errors import AdjutantError
from services.mesh.store import Collection, Store, WordIndex, open_store
from tests.support.stores import Open
from tests.unit.mesh.conftest import PARENT, Note, note


class Page(Note):
    """A note with words."""

    owner: str = "ada"
    words: list[str] = Field(default_factory=list)


PAGES = Collection("pages", Page, hidden=("owner",), searched=WordIndex("owner", "words"))
UNSEARCHED = Collection("pages", Page, hidden=("owner",))


def page(page_id: str, text: str, owner: str = "ada", second: int = 0) -> Page:
    made = note(page_id, second=second).model_dump()
    return Page(**made | {"words": text.split(), "owner": owner})


@pytest.fixture
async def store(open_replica: Open) -> Store:
    return await open_replica([PAGES])


async def found(store: Store, text: str, within: str = "ada", page_size: int = 2) -> list[str]:
    """Return the ids on all pages of a search."""
    ids: list[str] = []
    token = ""
    while True:
        piece = await store.search(
            PAGES, within=within, words=text.split(), page_size=page_size, page_token=token
        )
        assert len(piece.records) <= page_size
        ids += [record.name.rpartition("/")[2] for record in piece.records]
        if not (token := piece.next_page_token):
            return ids


async def test_each_word_begins_one_of_the_records(store: Store) -> None:
    await store.insert(PAGES, page("a", "deploy the web service"))
    await store.insert(PAGES, page("b", "undeploy the web", second=1))
    await store.insert(PAGES, page("c", "deployment failed", second=2))
    assert await found(store, "deploy") == ["c", "a"]
    assert await found(store, "the web") == ["b", "a"]
    assert await found(store, "dep ser") == ["a"]
    assert await found(store, "deployments") == []
    assert await found(store, "deploy failed web") == []


async def test_a_search_stays_within_its_value(store: Store) -> None:
    await store.insert(PAGES, page("a", "secret"))
    await store.insert(PAGES, page("b", "secret", owner="bob"))
    assert await found(store, "secret") == ["a"]
    assert await found(store, "secret", within="bob") == ["b"]
    assert await found(store, "secret", within="") == []


async def test_all_pages_of_a_search_are_newest_first(store: Store) -> None:
    for n in range(9):
        await store.insert(PAGES, page(f"p-{n}", "same word", second=n // 2))
    assert await found(store, "word same") == [f"p-{n}" for n in reversed(range(9))]


async def test_the_words_follow_their_record(store: Store) -> None:
    await store.insert(PAGES, page("a", "old words"))
    await store.insert(PAGES, page("b", "other words", second=1))
    await store.insert(PAGES, page("c", "last words", second=2))

    def change(record: Page) -> list[object]:
        record.words = ["new"]
        return []

    await store.update(PAGES, page("a", "").name, change)  # type: ignore[arg-type]
    assert await found(store, "new") == ["a"]
    assert await found(store, "words") == ["c", "b"]
    await store.delete(PAGES, page("b", "").name)
    assert await found(store, "words") == ["c"]
    await store.purge(PARENT)
    assert await found(store, "words") == []
    await store.insert(PAGES, page("c", "again"))
    assert await found(store, "words") == []
    assert await found(store, "again") == ["c"]


@pytest.mark.parametrize("word", [".*", "a.c", "%", "_", "'", '"', "\\", "$", "(", "абв", "日"])
async def test_a_word_means_itself(store: Store, word: str) -> None:
    await store.insert(PAGES, page("a", f"abc {word}x"))
    await store.insert(PAGES, page("b", "abc", second=1))
    assert await found(store, word) == ["a"]


async def test_a_token_of_another_search_is_refused(store: Store) -> None:
    for n in range(3):
        await store.insert(PAGES, page(f"p-{n}", "one two", second=n))
    first = await store.search(PAGES, within="ada", words=["one"], page_size=1)
    for within, words in (("ada", ["two"]), ("bob", ["one"])):
        with pytest.raises(AdjutantError) as caught:
            await store.search(PAGES, within=within, words=words, page_token=first.next_page_token)
        assert caught.value.reason == "INVALID_PAGE_TOKEN"


async def test_what_an_older_version_wrote_is_found(tmp_path: pathlib.Path) -> None:
    path = tmp_path / "store.db"
    older = await open_store(path, [UNSEARCHED])
    await older.insert(PAGES, page("a", "old words"))
    await older.close()
    for _ in range(2):
        store = await open_store(path, [PAGES])
        assert await found(store, "words") == ["a"]
        await store.close()
