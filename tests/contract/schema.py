"""The contract as the contract tests see it: every element with its comment.

Read from what buf compiles, and not from the generated modules, because only
the former holds the comments.
"""

import functools
import pathlib
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass

from google.protobuf import descriptor_pb2

from adjutant.common.v1 import access_pb2
from buf.validate import validate_pb2

ROOT = pathlib.Path(__file__).resolve().parents[2]

_FILE = descriptor_pb2.FileDescriptorProto
_MESSAGE = descriptor_pb2.DescriptorProto
FieldType = descriptor_pb2.FieldDescriptorProto.Type


@dataclass(frozen=True)
class Enum:
    """An enum; `values` are its names with their numbers and comments."""

    full_name: str
    comment: str
    values: dict[str, tuple[int, str]]


@dataclass(frozen=True)
class Field:
    """A field of a message."""

    full_name: str
    comment: str
    proto: descriptor_pb2.FieldDescriptorProto

    @property
    def rules(self) -> validate_pb2.FieldRules:
        """The validation rules that stand at the field; empty where there are none."""
        return self.proto.options.Extensions[validate_pb2.field]  # type: ignore[index] # the stub does not say whose


@dataclass(frozen=True)
class Message:
    """A message with its fields."""

    full_name: str
    comment: str
    fields: tuple[Field, ...]
    is_map_entry: bool

    def field(self, name: str) -> Field | None:
        """Return the field of that name, or None."""
        return next((field for field in self.fields if field.proto.name == name), None)


@dataclass(frozen=True)
class Method:
    """A method of a service."""

    full_name: str
    comment: str
    proto: descriptor_pb2.MethodDescriptorProto

    @property
    def access(self) -> access_pb2.MethodAccess:
        """Who may call it; empty where nobody said."""
        return self.proto.options.Extensions[access_pb2.access]  # type: ignore[index] # the stub does not say whose


@dataclass(frozen=True)
class Contract:
    """All of it."""

    messages: tuple[Message, ...]
    enums: tuple[Enum, ...]
    methods: tuple[Method, ...]
    services: dict[str, str]
    """Full names with their comments."""

    @property
    def fields(self) -> Iterator[Field]:
        """Every field of every message."""
        return (field for message in self.messages for field in message.fields)

    def message(self, full_name: str) -> Message:
        """Return the message of that full name; StopIteration where there is none."""
        return next(message for message in self.messages if message.full_name == full_name)

    def enum(self, full_name: str) -> Enum:
        """Return the enum of that full name; StopIteration where there is none."""
        return next(enum for enum in self.enums if enum.full_name == full_name)


class _Reader:
    """Reads one file; a path is what SourceCodeInfo calls an element by."""

    def __init__(self, file: descriptor_pb2.FileDescriptorProto) -> None:
        self.file = file
        self.comments = {
            tuple(place.path): place.leading_comments.strip()
            for place in file.source_code_info.location
        }

    def messages(self) -> Iterator[tuple[descriptor_pb2.DescriptorProto, str, tuple[int, ...]]]:
        """Every message with its full name and its path, nested ones too."""
        for index, proto in enumerate(self.file.message_type):
            path = (_FILE.MESSAGE_TYPE_FIELD_NUMBER, index)
            yield from self._nested(proto, f"{self.file.package}.{proto.name}", path)

    def _nested(
        self, proto: descriptor_pb2.DescriptorProto, full_name: str, path: tuple[int, ...]
    ) -> Iterator[tuple[descriptor_pb2.DescriptorProto, str, tuple[int, ...]]]:
        yield proto, full_name, path
        for index, inner in enumerate(proto.nested_type):
            inner_path = (*path, _MESSAGE.NESTED_TYPE_FIELD_NUMBER, index)
            yield from self._nested(inner, f"{full_name}.{inner.name}", inner_path)

    def enums(self) -> Iterator[Enum]:
        """Every enum, those inside messages too."""
        for index, proto in enumerate(self.file.enum_type):
            yield self._enum(proto, self.file.package, (_FILE.ENUM_TYPE_FIELD_NUMBER, index))
        for message, full_name, path in self.messages():
            for index, proto in enumerate(message.enum_type):
                inner = (*path, _MESSAGE.ENUM_TYPE_FIELD_NUMBER, index)
                yield self._enum(proto, full_name, inner)

    def _enum(
        self, proto: descriptor_pb2.EnumDescriptorProto, scope: str, path: tuple[int, ...]
    ) -> Enum:
        number = descriptor_pb2.EnumDescriptorProto.VALUE_FIELD_NUMBER
        values = {
            value.name: (value.number, self.comments.get((*path, number, index), ""))
            for index, value in enumerate(proto.value)
        }
        return Enum(f"{scope}.{proto.name}", self.comments.get(path, ""), values)

    def message(
        self, proto: descriptor_pb2.DescriptorProto, full_name: str, path: tuple[int, ...]
    ) -> Message:
        """Return one message with its fields."""
        number = _MESSAGE.FIELD_FIELD_NUMBER
        fields = tuple(
            Field(
                f"{full_name}.{field.name}",
                self.comments.get((*path, number, index), ""),
                field,
            )
            for index, field in enumerate(proto.field)
        )
        return Message(full_name, self.comments.get(path, ""), fields, proto.options.map_entry)

    def services(self) -> Iterator[tuple[str, str, list[Method]]]:
        """Every service: full name, comment, methods."""
        for index, service in enumerate(self.file.service):
            path = (_FILE.SERVICE_FIELD_NUMBER, index)
            number = descriptor_pb2.ServiceDescriptorProto.METHOD_FIELD_NUMBER
            full_name = f"{self.file.package}.{service.name}"
            methods = [
                Method(
                    f"{full_name}.{method.name}",
                    self.comments.get((*path, number, position), ""),
                    method,
                )
                for position, method in enumerate(service.method)
            ]
            yield full_name, self.comments.get(path, ""), methods


@functools.cache
def load(root: pathlib.Path) -> Contract:
    """Compile the contract below a folder and return what is ours of it."""
    built = subprocess.run(
        ["buf", "build", "--as-file-descriptor-set", "-o", "-"],
        cwd=root,
        check=True,
        capture_output=True,
    )
    files = descriptor_pb2.FileDescriptorSet.FromString(built.stdout).file
    readers = [_Reader(file) for file in files if file.package.startswith("adjutant.")]
    services = [service for reader in readers for service in reader.services()]
    return Contract(
        messages=tuple(reader.message(*found) for reader in readers for found in reader.messages()),
        enums=tuple(enum for reader in readers for enum in reader.enums()),
        methods=tuple(method for _, _, methods in services for method in methods),
        services={name: comment for name, comment, _ in services},
    )
