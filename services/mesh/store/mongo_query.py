"""Lists and scans, said in MongoDB's query language."""

import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

import bson
from bson.codec_options import CodecOptions
from bson.raw_bson import RawBSONDocument
from pymongo import ASCENDING, DESCENDING, IndexModel

from services.mesh.store.changes import MAX_PAGE_BYTES
from services.mesh.store.mongo_documents import Document
from services.mesh.store.port import Collection, WordIndex
from services.mesh.store.query import Condition, Query

RAW: Final[CodecOptions[RawBSONDocument]] = CodecOptions(document_class=RawBSONDocument)
"""Leaves documents as they came, so that their size is known."""
Sort = list[tuple[str, int]]
BY_TIME: Final[Sort] = [("body.create_time", ASCENDING), ("_id", ASCENDING)]
OF_OUTBOX: Final = [IndexModel([("oldest", ASCENDING)], name="oldest")]
"""Indexes of what is no collection of records."""
_OPERATORS: Final = {"=": "$eq", "<": "$lt", "<=": "$lte", ">": "$gt", ">=": "$gte"}


def path(field: str) -> str:
    """Return where a field of a record stands."""
    return field if field == "parent" else f"body.{field}"


def page_filter(query: Query, where: Mapping[str, str]) -> tuple[Document, Sort]:
    """Return what a page holds, and its order."""
    field, descending = path(query.order.field), query.order.descending
    fixed = dict(where) if query.parent is None else {"parent": query.parent, **where}
    terms: list[Document] = [{path(own): value} for own, value in fixed.items()]
    if query.parent is None:
        terms.append({"body.create_time": {"$gte": ""}})  # what is no record has none
    terms += [{path(each.field): _compared(each)} for each in query.conditions]
    if query.after:
        terms += _after(field, query.after.value, query.after.name, descending)
    direction = DESCENDING if descending else ASCENDING
    return {"$and": terms}, [(field, direction), ("_id", direction)]


def scan_filter(where: Mapping[str, Sequence[str]], after: tuple[str, str]) -> Document:
    """Return what comes after a place in a scan."""
    terms = _after("body.create_time", *after, descending=False)
    return {"$and": [*terms, *match(where)]}


def match(where: Mapping[str, Sequence[str]]) -> list[Document]:
    """Return the terms that fields have one of the values each."""
    return [{path(field): {"$in": list(values)}} for field, values in where.items()]


def beginning(index: WordIndex, words: Sequence[str]) -> list[Document]:
    """Return the terms that a record has, for each word, one that begins with it."""
    # A pattern that is anchored and plain is a range of the index.
    return [{path(index.words): {"$regex": f"^{re.escape(word)}"}} for word in words]


def that_fit(found: Sequence[RawBSONDocument], page_size: int) -> tuple[int, bool]:
    """Return how many documents one message takes, at least one, and whether there are more."""
    size = 0
    for count, document in enumerate(found):
        size += len(document.raw)
        if count and (size > MAX_PAGE_BYTES or count == page_size):
            return count, True
    return len(found), False


def read(document: RawBSONDocument) -> Document:
    """Return a document that was left as it came."""
    return bson.decode(document.raw)


def indexes(collection: Collection[Any]) -> list[IndexModel]:
    """Return the indexes of a collection: each list and scan has its own, as on SQLite."""
    keys = [["parent", path(field), "_id"] for field in collection.queryable]
    keys += [["parent", path(field), "body.create_time", "_id"] for field in collection.hidden]
    keys += [
        [path(field), "body.create_time", "_id"]
        for field in (*collection.fields, *collection.hidden)
    ]
    if collection.searched:
        keys.append([path(collection.searched.within), path(collection.searched.words)])
    keys += [["body.create_time", "_id"], ["intent.token"], ["oldest"]]
    found = [IndexModel([(key, ASCENDING) for key in own], name="_".join(own)) for own in keys]
    return [IndexModel("request_key", unique=True, name="request_key"), *found]


def _compared(condition: Condition) -> Document:
    if condition.op == "!=":
        return {"$ne": condition.value, "$gte": ""}  # a field that is not set differs from nothing
    return {_OPERATORS[condition.op]: condition.value}


def _after(field: str, value: str, name: str, descending: bool) -> list[Document]:
    beyond = "$lt" if descending else "$gt"
    # The first term says it again, so that an index is entered where the last page ended.
    return [
        {field: {f"{beyond}e": value}},
        {"$or": [{field: {beyond: value}}, {field: value, "_id": {beyond: name}}]},
    ]
