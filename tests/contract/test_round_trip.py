"""Every message means the same in both generated forms.

Messages are made up from their descriptors: services use protobuf's own
classes, clients use betterproto2's, and the wire is all they share. So each
made-up message goes from one to the other and back, and must come back equal.
"""

import dataclasses
import importlib
import math
import pkgutil
from typing import Any

import betterproto2
import pytest
from google.protobuf import descriptor, duration_pb2, message, message_factory, timestamp_pb2
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import adjutant
from adjutant.agent_runner.v1 import run_pb2

FD = descriptor.FieldDescriptor
DEPTH = 3
DURATION_LIMIT_S = 10**9  # betterproto2 counts microseconds in a double, exact for 285 years
EARLIEST_S, LATEST_S = -62_135_596_800, 253_402_300_799
SCALARS: dict[int, st.SearchStrategy[Any]] = {
    FD.TYPE_BOOL: st.booleans(),
    FD.TYPE_BYTES: st.binary(max_size=20),
    FD.TYPE_DOUBLE: st.floats(allow_nan=False),
    FD.TYPE_FLOAT: st.floats(allow_nan=False, width=32),
    FD.TYPE_INT32: st.integers(-(2**31), 2**31 - 1),
    FD.TYPE_INT64: st.integers(-(2**63), 2**63 - 1),
    FD.TYPE_STRING: st.text(max_size=20),
    FD.TYPE_UINT32: st.integers(0, 2**32 - 1),
    FD.TYPE_UINT64: st.integers(0, 2**64 - 1),
}
WELL_KNOWN = {
    # Microseconds are what a datetime holds.
    "google.protobuf.Timestamp": st.builds(
        lambda seconds, micros: timestamp_pb2.Timestamp(seconds=seconds, nanos=micros * 1000),
        st.integers(EARLIEST_S, LATEST_S),
        st.integers(0, 999_999),
    ),
    "google.protobuf.Duration": st.builds(
        lambda seconds, micros: duration_pb2.Duration(seconds=seconds, nanos=micros * 1000),
        st.integers(0, DURATION_LIMIT_S),
        st.integers(0, 999_999),
    ),
}


def message_classes() -> dict[str, type[message.Message]]:
    """Return the classes of all our messages by full name."""
    modules = pkgutil.walk_packages(adjutant.__path__, "adjutant.")
    loaded = [importlib.import_module(m.name) for m in modules if m.name.endswith("_pb2")]
    waiting = [
        found for module in loaded for found in module.DESCRIPTOR.message_types_by_name.values()
    ]
    for found in waiting:
        waiting += found.nested_types
    return {found.full_name: message_factory.GetMessageClass(found) for found in waiting}


def better_class(found: Any) -> type[betterproto2.Message]:
    """Return the client's class for a message; nested names are joined."""
    package = importlib.import_module(f"adjutant_messages.{found.file.package}")
    path = found.full_name.removeprefix(found.file.package + ".")
    cls: type[betterproto2.Message] = getattr(package, path.replace(".", ""))
    return cls


def values(field: Any, depth: int) -> st.SearchStrategy[Any]:
    if field.type == FD.TYPE_ENUM:
        return st.sampled_from([value.number for value in field.enum_type.values])
    if field.type == FD.TYPE_MESSAGE:
        known = WELL_KNOWN.get(field.message_type.full_name)
        return known if known is not None else messages(field.message_type, depth - 1)
    return SCALARS[field.type]


@st.composite
def messages(draw: st.DrawFn, found: Any, depth: int = DEPTH) -> message.Message:
    """Make up a message: any fields set or not, at most one of each oneof."""
    made = message_factory.GetMessageClass(found)()
    chosen = {group.name: draw(st.sampled_from([None, *group.fields])) for group in found.oneofs}
    for field in found.fields:
        group = field.containing_oneof
        if group and chosen[group.name] is not field:
            continue
        if field.type == FD.TYPE_MESSAGE and depth <= 0:
            continue
        if group or draw(st.booleans()):
            assign(made, field, draw, depth)
    return made


def assign(made: message.Message, field: Any, draw: st.DrawFn, depth: int) -> None:
    strategy = values(field, depth)
    if field.is_repeated:
        getattr(made, field.name).extend(draw(st.lists(strategy, max_size=3)))
    elif field.type == FD.TYPE_MESSAGE:
        getattr(made, field.name).CopyFrom(draw(strategy))
    else:
        setattr(made, field.name, draw(strategy))


CLASSES = message_classes()


@pytest.mark.parametrize("cls", CLASSES.values(), ids=CLASSES)
@settings(
    max_examples=40,
    deadline=None,
    database=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
@given(data=st.data())
def test_every_message_comes_back_equal(cls: type[message.Message], data: st.DataObject) -> None:
    sent = data.draw(messages(cls.DESCRIPTOR))
    better = better_class(cls.DESCRIPTOR).parse(sent.SerializeToString())
    back = cls.FromString(bytes(better))
    assert back == sent
    assert better == type(better).parse(bytes(better))


@pytest.mark.parametrize("cls", CLASSES.values(), ids=CLASSES)
def test_presence_survives(cls: type[message.Message]) -> None:
    """A field that is set to its zero value is not a field that is not set."""
    for field in cls.DESCRIPTOR.fields:
        if not field.has_presence or field.type == FD.TYPE_MESSAGE:
            continue
        sent = cls(**{field.name: field.default_value})
        back = cls.FromString(bytes(better_class(cls.DESCRIPTOR).parse(sent.SerializeToString())))
        assert back.HasField(field.name)
        empty = cls.FromString(bytes(better_class(cls.DESCRIPTOR)()))
        assert not empty.HasField(field.name)


def test_every_message_has_both_forms() -> None:
    assert len(CLASSES) >= 50
    for full_name, cls in CLASSES.items():
        names = {field.name for field in cls.DESCRIPTOR.fields}
        better: Any = better_class(cls.DESCRIPTOR)
        assert names == {field.name for field in dataclasses.fields(better)}, full_name


def test_infinity_survives() -> None:
    """JSON cannot say it, the wire can."""
    sent = run_pb2.Run(percent=math.inf)
    better = better_class(run_pb2.Run.DESCRIPTOR).parse(sent.SerializeToString())
    assert run_pb2.Run.FromString(bytes(better)).percent == math.inf
