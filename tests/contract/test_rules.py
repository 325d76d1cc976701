"""The contract's rules: nothing passed through untyped, everything said, names alike."""

import re

import pytest
from google.protobuf import descriptor_pb2

from tests.contract import schema
from tests.contract.schema import FieldType

CONTRACT = schema.load()
STRING = FieldType.TYPE_STRING
IS_ENUM_BY_NAME = re.compile(r"(^|_)(state|kind|status|type|mode|policy|liveness|disposition)$")
IS_TIME_BY_NAME = re.compile(r"(^|_)(time|at|date|timestamp|deadline)$|(^|_)(duration|timeout)$")
READS = ("Get", "List", "Watch", "Subscribe", "Tail", "Read")
UNTYPED = {".google.protobuf.Struct", ".google.protobuf.Value", ".google.protobuf.Any"}
NO_SIDE_EFFECTS = descriptor_pb2.MethodOptions.NO_SIDE_EFFECTS
RESOURCE_NAME = re.compile(r"^\^\(?clients/")


def ids(elements: object) -> list[str]:
    return [element.full_name for element in elements]  # type: ignore[attr-defined]


def strings() -> list[schema.Field]:
    return [field for field in CONTRACT.fields if field.proto.type == STRING]


def test_the_contract_is_found() -> None:
    assert len(CONTRACT.methods) >= 18
    assert len(CONTRACT.messages) >= 50


def test_no_field_passes_json_through() -> None:
    assert [name for name in ids(CONTRACT.fields) if name.endswith("_json")] == []


def test_no_string_is_really_an_enum() -> None:
    assert [f for f in ids(strings()) if IS_ENUM_BY_NAME.search(f.rpartition(".")[2])] == []


def test_no_string_is_really_a_time_or_a_duration() -> None:
    assert [f for f in ids(strings()) if IS_TIME_BY_NAME.search(f.rpartition(".")[2])] == []


def test_no_message_is_a_map_of_strings() -> None:
    maps = [message for message in CONTRACT.messages if message.is_map_entry]
    of_strings = [m for m in maps if all(field.proto.type == STRING for field in m.fields)]
    assert ids(of_strings) == []


def test_no_field_is_untyped() -> None:
    assert ids(field for field in CONTRACT.fields if field.proto.type_name in UNTYPED) == []


def test_times_are_timestamps_and_say_so() -> None:
    stamps = [f for f in CONTRACT.fields if f.proto.type_name == ".google.protobuf.Timestamp"]
    assert [f for f in ids(stamps) if not re.search(r"(\.|_)time$", f)] == []


def test_requests_and_responses_are_the_methods_own() -> None:
    for method in CONTRACT.methods:
        package = method.full_name.rsplit(".", 2)[0]
        assert method.proto.input_type == f".{package}.{method.proto.name}Request"
        assert method.proto.output_type == f".{package}.{method.proto.name}Response"
    inputs = [method.proto.input_type for method in CONTRACT.methods]
    assert len(inputs) == len(set(inputs))


def test_everything_is_said() -> None:
    silent = [name for name, comment in CONTRACT.services.items() if not comment]
    silent += [method.full_name for method in CONTRACT.methods if not method.comment]
    silent += [m.full_name for m in CONTRACT.messages if not m.comment and not m.is_map_entry]
    for enum in CONTRACT.enums:
        silent += [] if enum.comment else [enum.full_name]
        silent += [name for name, (_, comment) in enum.values.items() if not comment]
    assert silent == []


def test_most_fields_are_said() -> None:
    fields = list(CONTRACT.fields)
    silent = [field.full_name for field in fields if not field.comment]
    assert len(silent) < len(fields) / 10, silent


def test_comments_start_with_the_name() -> None:
    named = [(name, comment) for name, comment in CONTRACT.services.items()]
    named += [(method.full_name, method.comment) for method in CONTRACT.methods]
    named += [(m.full_name, m.comment) for m in CONTRACT.messages if not m.is_map_entry]
    named += [(field.full_name, field.comment) for field in CONTRACT.fields if field.comment]
    assert [n for n, said in named if not said.startswith(n.rpartition(".")[2])] == []


@pytest.mark.parametrize("method", CONTRACT.methods, ids=ids(CONTRACT.methods))
def test_what_only_reads_says_so(method: schema.Method) -> None:
    reads = method.proto.name.startswith(READS)
    assert (method.proto.options.idempotency_level == NO_SIDE_EFFECTS) == reads


def test_event_kinds_mirror_the_payloads() -> None:
    payloads = {
        f"EVENT_KIND_{field.proto.name.upper()}": field.proto.number
        for field in CONTRACT.message("adjutant.event.v1.Event").fields
        if field.proto.HasField("oneof_index")
    }
    kinds = CONTRACT.enum("adjutant.event.v1.EventKind").values
    assert payloads | {"EVENT_KIND_UNSPECIFIED": 0} == {n: v for n, (v, _) in kinds.items()}


def test_names_in_requests_carry_their_pattern() -> None:
    requests = [CONTRACT.message(method.proto.input_type[1:]) for method in CONTRACT.methods]
    names = [f for m in requests for f in m.fields if f.proto.name in ("name", "parent")]
    assert names
    assert [f.full_name for f in names if not RESOURCE_NAME.match(f.rules.string.pattern)] == []


def test_a_request_names_a_resource_or_its_parent() -> None:
    for method in CONTRACT.methods:
        request = CONTRACT.message(method.proto.input_type[1:])
        assert request.field("name") or request.field("parent"), method.full_name


def test_strings_in_requests_are_bounded() -> None:
    """Every string that a caller sends has a rule that ends it."""
    requests = {method.proto.input_type[1:] for method in CONTRACT.methods}
    unbounded = [
        field.full_name
        for field in strings()
        if field.full_name.rpartition(".")[0] in requests
        and not (
            field.rules.string.pattern
            or field.rules.string.HasField("max_len")
            or field.rules.string.HasField("max_bytes")
        )
    ]
    assert unbounded == []


@pytest.mark.parametrize(
    "method",
    [m for m in CONTRACT.methods if m.proto.name.startswith("List")],
    ids=lambda method: method.full_name,
)
def test_lists_page_alike(method: schema.Method) -> None:
    request = CONTRACT.message(method.proto.input_type[1:])
    wanted = ("parent", "page_size", "page_token", "filter", "order_by")
    assert [name for name in wanted if not request.field(name)] == []
    assert CONTRACT.message(method.proto.output_type[1:]).field("next_page_token")


@pytest.mark.parametrize(
    "method",
    [m for m in CONTRACT.methods if m.proto.name.startswith(("Watch", "Subscribe"))],
    ids=lambda method: method.full_name,
)
def test_event_streams_resume_by_cursor(method: schema.Method) -> None:
    assert method.proto.server_streaming
    assert CONTRACT.message(method.proto.input_type[1:]).field("cursor")
    frame = CONTRACT.message(method.proto.output_type[1:]).field("frame")
    assert frame
    assert frame.proto.type_name == ".adjutant.event.v1.EventFrame"


def test_what_creates_can_be_repeated() -> None:
    for method in CONTRACT.methods:
        if method.proto.name.startswith(("Submit", "Start", "Create", "Retry")):
            assert CONTRACT.message(method.proto.input_type[1:]).field("request_id")


def test_every_method_is_documented_with_its_service() -> None:
    assert {m.full_name.rpartition(".")[0] for m in CONTRACT.methods} == CONTRACT.services.keys()
