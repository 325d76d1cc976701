"""The contract's rules, each a function that returns the names of what breaks it."""

import re
from collections.abc import Callable, Iterable

from google.protobuf import descriptor_pb2

from tests.contract.schema import Contract, Field, FieldType, Message

IS_ENUM_BY_NAME = re.compile(r"(^|_)(state|kind|status|type|mode|policy|liveness|disposition)$")
IS_TIME_BY_NAME = re.compile(r"(^|_)(time|at|date|timestamp|deadline|duration|timeout)$")
READS = (
    "Get",
    "List",
    "Watch",
    "Subscribe",
    "Tail",
    "Read",
    "Estimate",
    "Search",
    "Export",
    "Stream",
    "Query",
)
CREATES = ("Submit", "Start", "Create", "Retry")
STREAMS_EVENTS = ("Watch", "Subscribe")
LIST_FIELDS = ("parent", "page_size", "page_token", "filter", "order_by")
RESOURCE_NAME = re.compile(r"^\^\(*clients/")
NAMES = ("name", "parent")
NO_SIDE_EFFECTS = descriptor_pb2.MethodOptions.NO_SIDE_EFFECTS
Rule = Callable[[Contract], list[str]]


def names_of(elements: Iterable[Field] | Iterable[Message]) -> list[str]:
    """Return full names."""
    return [element.full_name for element in elements]


def last(full_name: str) -> str:
    """Return the last part of a full name."""
    return full_name.rpartition(".")[2]


def strings(contract: Contract) -> list[Field]:
    """Return the fields that are strings."""
    return [field for field in contract.fields if field.proto.type == FieldType.TYPE_STRING]


def no_json_passes_through(contract: Contract) -> list[str]:
    """Require that no field is called something_json."""
    return [name for name in names_of(contract.fields) if name.endswith("_json")]


def no_string_is_an_enum(contract: Contract) -> list[str]:
    """Require that what has a few values is an enum."""
    return [name for name in names_of(strings(contract)) if IS_ENUM_BY_NAME.search(last(name))]


def no_string_is_a_time(contract: Contract) -> list[str]:
    """Require that what is a time is a Timestamp, and what is a span of time a Duration."""
    return [name for name in names_of(strings(contract)) if IS_TIME_BY_NAME.search(last(name))]


def no_map_of_strings(contract: Contract) -> list[str]:
    """Require that what has known keys is a message."""
    entries = [message for message in contract.messages if message.is_map_entry]
    return [
        entry.full_name
        for entry in entries
        if all(field.proto.type == FieldType.TYPE_STRING for field in entry.fields)
    ]


def nothing_untyped(contract: Contract) -> list[str]:
    """Require that no field is a Struct, Value, ListValue or Any."""
    untyped = re.compile(r"^\.google\.protobuf\.(Struct|Value|ListValue|Any)$")
    return names_of(field for field in contract.fields if untyped.match(field.proto.type_name))


def timestamps_are_called_time(contract: Contract) -> list[str]:
    """Require that a Timestamp's name ends with `time`, that of several with `times`."""
    stamps = [f for f in contract.fields if f.proto.type_name == ".google.protobuf.Timestamp"]
    return [name for name in names_of(stamps) if not re.search(r"(^|_)times?$", last(name))]


def requests_are_the_methods_own(contract: Contract) -> list[str]:
    """Require that a method takes its own request and returns its own response."""
    wrong = []
    for method in contract.methods:
        package, name = method.full_name.rsplit(".", 2)[0], method.proto.name
        wanted = (f".{package}.{name}Request", f".{package}.{name}Response")
        if (method.proto.input_type, method.proto.output_type) != wanted:
            wrong.append(method.full_name)
    return wrong


def everything_is_said(contract: Contract) -> list[str]:
    """Require that every service, method, message, enum and enum value has a comment."""
    silent = [name for name, comment in contract.services.items() if not comment]
    silent += [method.full_name for method in contract.methods if not method.comment]
    silent += [m.full_name for m in contract.messages if not m.comment and not m.is_map_entry]
    for enum in contract.enums:
        silent += [] if enum.comment else [enum.full_name]
        silent += [name for name, (_, comment) in enum.values.items() if not comment]
    return silent


def most_fields_are_said(contract: Contract) -> list[str]:
    """Require that nine fields in ten have a comment."""
    silent = [field.full_name for field in contract.fields if not field.comment]
    return silent if len(silent) > len(list(contract.fields)) / 10 else []


def comments_start_with_the_name(contract: Contract) -> list[str]:
    """Require that a comment is a sentence that starts with what it is about."""
    said = [*contract.services.items()]
    said += [(method.full_name, method.comment) for method in contract.methods]
    said += [(message.full_name, message.comment) for message in contract.messages]
    said += [(field.full_name, field.comment) for field in contract.fields]
    return [name for name, comment in said if comment and not comment.startswith(last(name))]


def what_only_reads_says_so(contract: Contract) -> list[str]:
    """Require that NO_SIDE_EFFECTS stands at what reads, and nowhere else."""
    return [
        method.full_name
        for method in contract.methods
        if method.proto.name.startswith(READS)
        != (method.proto.options.idempotency_level == NO_SIDE_EFFECTS)
    ]


def event_kinds_mirror_the_payloads(contract: Contract) -> list[str]:
    """Require that EventKind has one value for each payload, with its name and number."""
    payloads = {
        (f"EVENT_KIND_{field.proto.name.upper()}", field.proto.number)
        for field in contract.message("adjutant.event.v1.Event").fields
        if field.proto.HasField("oneof_index")
    }
    values = contract.enum("adjutant.event.v1.EventKind").values
    kinds = {(name, number) for name, (number, _) in values.items() if number}
    return sorted(name for name, _ in payloads ^ kinds)


def names_carry_their_pattern(contract: Contract) -> list[str]:
    """Require that every `name` and `parent` of a request says what a name looks like."""
    fields = [field for message in requests(contract) for field in message.fields]
    names = [field for field in fields if field.proto.name in ("name", "parent")]
    return names_of(f for f in names if not RESOURCE_NAME.match(f.rules.string.pattern))


def requests_name_a_resource(contract: Contract) -> list[str]:
    """Require that every request says by `name` or `parent` what it is about.

    Those that are about the mesh itself have nothing to name.
    """
    wrong = []
    for method in contract.methods:
        request = contract.message(method.proto.input_type[1:])
        is_named = request.field(method.access.resource) and method.access.resource in NAMES
        if method.access.resource and not is_named:
            wrong.append(request.full_name)
        if not method.access.resource and any(map(request.field, NAMES)):
            wrong.append(request.full_name)
    return wrong


def methods_say_who_may_call_them(contract: Contract) -> list[str]:
    """Require that every method has a permission, or a credential of its own."""
    return [
        method.full_name
        for method in contract.methods
        if bool(method.access.permission) == method.access.own_credential
    ]


def what_is_audited_says_what(contract: Contract) -> list[str]:
    """Require that audited fields are there and hold no secret, and that a change has some."""
    wrong = []
    for method in contract.methods:
        request = contract.message(method.proto.input_type[1:])
        for path in method.access.audited:
            if not _may_be_shown(contract, request, path.split(".")):
                wrong.append(f"{method.full_name} {path}")
        if bool(method.access.audited) > bool(method.access.audit):
            wrong.append(method.full_name)
    return wrong


def _may_be_shown(contract: Contract, message: Message, path: list[str]) -> bool:
    """Tell whether a message has a field at a path, one that is no secret."""
    field = message.field(path[0])
    if field is None or field.proto.options.debug_redact:
        return False
    if len(path) == 1:
        return True
    return _may_be_shown(contract, contract.message(field.proto.type_name[1:]), path[1:])


def every_resource_named_is_checked(contract: Contract) -> list[str]:
    """Require that each name of a resource in a request is its resource or a reference."""
    wrong = []
    for method in contract.methods:
        request = contract.message(method.proto.input_type[1:])
        checked = {method.access.resource, *method.access.references}
        named = {path for path, field in strings_within(contract, request) if is_a_name(field)}
        wrong += [f"{method.full_name} {path}" for path in named ^ (checked - {""})]
    return sorted(wrong)


def strings_within(contract: Contract, message: Message) -> Iterable[tuple[str, Field]]:
    """Yield the strings of a message and of the messages in it, with their paths."""
    for field in message.fields:
        name = field.proto.name
        if field.proto.type == FieldType.TYPE_STRING:
            yield name, field
        elif field.proto.type_name.startswith(".adjutant."):
            inner = [m for m in contract.messages if "." + m.full_name == field.proto.type_name]
            for found in inner:
                for path, string in strings_within(contract, found):
                    yield f"{name}.{path}", string


def is_a_name(field: Field) -> bool:
    """Tell whether a string, or each of several, names a resource."""
    rules = field.rules
    patterns = (rules.string.pattern, rules.repeated.items.string.pattern)
    return any(RESOURCE_NAME.match(pattern) for pattern in patterns)


def strings_of_requests_are_bounded(contract: Contract) -> list[str]:
    """Require that every string that a caller sends has a rule that ends it."""
    fields = [field for message in requests(contract) for field in message.fields]
    texts = [field for field in fields if field.proto.type == FieldType.TYPE_STRING]
    return names_of(field for field in texts if not is_bounded(field))


def is_bounded(field: Field) -> bool:
    """Tell whether a string's rules, or its items' where it is repeated, bound it."""
    if field.proto.label == descriptor_pb2.FieldDescriptorProto.LABEL_REPEATED:
        return field.rules.repeated.HasField("max_items")
    rules = field.rules.string
    return bool(rules.pattern) or rules.HasField("max_len") or rules.HasField("max_bytes")


def lists_page_alike(contract: Contract) -> list[str]:
    """Require that every List method has the same fields for paging."""
    wrong = []
    for method in contract.methods:
        if not method.proto.name.startswith("List"):
            continue
        request = contract.message(method.proto.input_type[1:])
        response = contract.message(method.proto.output_type[1:])
        wanted = LIST_FIELDS if method.access.resource else LIST_FIELDS[1:]
        if not all(map(request.field, wanted)) or not response.field("next_page_token"):
            wrong.append(method.full_name)
    return wrong


def event_streams_resume(contract: Contract) -> list[str]:
    """Require that every stream of events takes a cursor and carries frames."""
    wrong = []
    for method in contract.methods:
        if not method.proto.name.startswith(STREAMS_EVENTS):
            continue
        frame = contract.message(method.proto.output_type[1:]).field("frame")
        cursor = contract.message(method.proto.input_type[1:]).field("cursor")
        carries = frame and frame.proto.type_name == ".adjutant.event.v1.EventFrame"
        if not (method.proto.server_streaming and cursor and carries):
            wrong.append(method.full_name)
    return wrong


def what_creates_can_be_repeated(contract: Contract) -> list[str]:
    """Require that every method that creates takes a request_id."""
    return [
        method.full_name
        for method in contract.methods
        if method.proto.name.startswith(CREATES)
        and not contract.message(method.proto.input_type[1:]).field("request_id")
    ]


def requests(contract: Contract) -> list[Message]:
    """Return the messages that methods take."""
    return [contract.message(method.proto.input_type[1:]) for method in contract.methods]


RULES: tuple[Rule, ...] = (
    no_json_passes_through,
    no_string_is_an_enum,
    no_string_is_a_time,
    no_map_of_strings,
    nothing_untyped,
    timestamps_are_called_time,
    requests_are_the_methods_own,
    everything_is_said,
    most_fields_are_said,
    comments_start_with_the_name,
    what_only_reads_says_so,
    event_kinds_mirror_the_payloads,
    names_carry_their_pattern,
    requests_name_a_resource,
    methods_say_who_may_call_them,
    every_resource_named_is_checked,
    what_is_audited_says_what,
    strings_of_requests_are_bounded,
    lists_page_alike,
    event_streams_resume,
    what_creates_can_be_repeated,
)
