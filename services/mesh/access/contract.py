"""What the contract says of who may call a method."""

import functools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, cast

from google.protobuf import descriptor_pool, message_factory
from google.protobuf.descriptor import MethodDescriptor
from google.protobuf.message import Message

from adjutant.common.v1 import access_pb2

Permission = access_pb2.Permission


@dataclass(frozen=True)
class Method:
    """A method of the contract, as the server needs it."""

    path: str
    """On the wire, `/adjutant.orchestrator.v1.TaskService/GetTask`."""
    name: str
    """The path without its first slash."""
    streams: bool
    """Whether it answers with a stream."""
    access: access_pb2.MethodAccess | None
    """Who may call it; None where the contract does not say, and then nobody may."""
    request: type[Message]
    """Class of its request."""
    resource_of: Callable[[Any], str]
    """Returns the resource that a request names; empty for the mesh."""
    references_of: Callable[[Any], Iterator[tuple[str, str]]]
    """Yields the further resources that a request names, each with its field."""

    @functools.cached_property
    def permission(self) -> int:
        """The permission that it takes."""
        return self.access.permission if self.access else Permission.PERMISSION_UNSPECIFIED

    @functools.cached_property
    def own_credential(self) -> bool:
        """Whether the request itself carries what its caller is let in by."""
        return bool(self.access and self.access.own_credential)

    @functools.cached_property
    def audit(self) -> int:
        """What a call is written down as in the audit log; 0 where it is not."""
        return self.access.audit if self.access else 0

    @functools.cached_property
    def audited(self) -> tuple[str, ...]:
        """The fields of its request that stand in the entry of the audit log."""
        return tuple(self.access.audited) if self.access else ()

    @functools.cached_property
    def has_references(self) -> bool:
        """Whether its request may name further resources."""
        return bool(self.access and self.access.references)

    @functools.cached_property
    def cost(self) -> int:
        """What a call takes from its caller's rate limit."""
        return max(self.access.cost, 1) if self.access else 1


@functools.cache
def method_of(path: str) -> Method:
    """Return the method that is called by a path. KeyError where the contract has none."""
    service, _, name = path.strip("/").partition("/")
    found = descriptor_pool.Default().FindServiceByName(service).methods_by_name[name]
    access = _access(found)
    return Method(
        path=path,
        name=f"{service}/{name}",
        streams=bool(found.server_streaming),
        access=access,
        request=message_factory.GetMessageClass(found.input_type),
        resource_of=_reader(access.resource) if access and access.resource else _nothing,
        references_of=_references(tuple(access.references) if access else ()),
    )


def _access(method: MethodDescriptor) -> access_pb2.MethodAccess | None:
    options: Any = method.GetOptions()  # the stubs do not know whose extension it is
    found = options.HasExtension(access_pb2.access)
    return cast("access_pb2.MethodAccess", options.Extensions[access_pb2.access]) if found else None


def _nothing(_: Any) -> str:
    return ""


def _reader(path: str) -> Callable[[Any], Any]:
    """Return what reads a field by its path, such as `spec.task`."""
    *parents, field = path.split(".")

    def read(request: Any) -> Any:
        for parent in parents:
            request = getattr(request, parent)
        return getattr(request, field)

    return read


def _references(paths: tuple[str, ...]) -> Callable[[Any], Iterator[tuple[str, str]]]:
    steps = [(path, path.split(".")) for path in paths]

    def read(request: Any) -> Iterator[tuple[str, str]]:
        for path, fields in steps:
            for name in values_at(request, fields):
                if name:
                    yield path, name

    return read


def values_at(message: Any, fields: Sequence[str]) -> Iterator[Any]:
    """Yield the values of a field by its path; of each where something on the way is repeated."""
    name, *below = fields
    value = getattr(message, name)
    is_repeated = message.DESCRIPTOR.fields_by_name[name].is_repeated
    for one in value if is_repeated else [value]:
        if below:
            yield from values_at(one, below)
        else:
            yield one
