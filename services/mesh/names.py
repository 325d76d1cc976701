"""Resource names: `clients/{client}/projects/{project}/{collection}/{id}`, and what is above them.

Clients, groups and projects are resources too: `clients/{client}`,
`clients/{client}/groups/{group}`, `clients/{client}/projects/{project}`.
"""

from typing import Final

import uuid_utils

NO_PROJECT: Final = "_"
"""Stands for the project of what is in none; no id looks like it."""


def new_id() -> str:
    """Return a new UUIDv7: unique, and later ones sort after earlier ones."""
    return str(uuid_utils.uuid7())


def child(parent: str, collection: str, resource_id: str) -> str:
    """Return the name of a resource in another; an empty parent is the mesh itself."""
    name = f"{collection}/{resource_id}"
    return f"{parent}/{name}" if parent else name


def project_of(name: str) -> tuple[str, str]:
    """Return the client and project ids of a resource's name, or of a project's own.

    What is a client's or a group's has NO_PROJECT. ValueError where it has no client.
    """
    _, client, *below = name.split("/")
    in_project = len(below) > 1 and below[0] == "projects"
    return client, below[1] if in_project else NO_PROJECT


def parent_of(name: str) -> str:
    """Return the name of what a resource is in; empty where that is the mesh itself."""
    return "/".join(name.split("/")[:-2])


def collection_and_id(name: str) -> tuple[str, str]:
    """Return the last collection and id of a resource's name."""
    *_, collection, resource_id = name.split("/")
    return collection, resource_id
