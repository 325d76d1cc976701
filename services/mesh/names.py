"""Resource names: `clients/{client}/projects/{project}/{collection}/{id}`."""

import uuid_utils


def new_id() -> str:
    """Return a new UUIDv7: unique, and later ones sort after earlier ones."""
    return str(uuid_utils.uuid7())


def child(parent: str, collection: str, resource_id: str) -> str:
    """Return the name of a resource in a project."""
    return f"{parent}/{collection}/{resource_id}"


def project_of(name: str) -> tuple[str, str]:
    """Return the client and project ids of a project's name or of anything in it."""
    _, client, _, project, *_ = name.split("/")
    return client, project


def parent_of(name: str) -> str:
    """Return the project's name of a resource's name."""
    return "/".join(name.split("/")[:4])


def collection_and_id(name: str) -> tuple[str, str]:
    """Return the last collection and id of a resource's name."""
    *_, collection, resource_id = name.split("/")
    return collection, resource_id
