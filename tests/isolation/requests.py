"""Requests for any method, made from its descriptor: valid ones, and ones with foreign names."""

import itertools
import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import Message

from buf.validate import validate_pb2
from services.mesh.access.contract import Method
from tests.isolation.planted import Planted

_PLAN: Final = "- [ ] say\n  run: true\n"
_SCHEDULE: Final = {
    "schedule.cron": "0 0 1 1 *",
    "schedule.task.parent": "{project}",
    "schedule.task.instructions": _PLAN,
}
EXCEPTIONS: Final[Mapping[str, Mapping[str, str]]] = {
    "TaskService/SubmitTask": {"instructions": _PLAN},
    "ApprovalService/RequestApproval": {"tool.tool_name": "read_file"},
    "TaskService/EstimateTask": {"instructions": _PLAN},
    "RunService/StartRun": {"spec.agent": "command", "spec.command_line": "true"},
    "RunService/ReadArtifact": {"artifact_id": "output.log"},
    "RunService/ReportRun": {"name": "{live_run}", "report_token": "{report_token}"},
    "AuditService/ListAuditEntries": {"parent": "{project}"},
    "ConnectionService/CreateConnection": {
        "connection.uri_prefix": "https://git.example/",
        "secret": "s",
    },
    "ConnectionService/UpdateConnection": {"secret": "another"},
    "ScheduleService/CreateSchedule": _SCHEDULE,
    "ScheduleService/UpdateSchedule": {"schedule.cron": "0 0 1 1 *"},
    "ConnectionService/UseConnection": {"uri": "{uri}"},
    "BudgetService/CreateBudget": {"budget.amount.currency_code": "USD"},
}
"""What no descriptor tells of a method's request; `{x}` is the planted value x."""
_NOT_FREE: Final = (
    *("schedule.name", "schedule.etag", "schedule.cron"),
    *("budget.name", "budget.etag", "spec.agent"),
)
"""Texts whose rules stand in no pattern, or that a call does not take in."""
_MAX_DEPTH: Final = 3
_fresh = itertools.count()
Path = tuple[FieldDescriptor, ...]


def valid(short: str, method: Method, planted: Planted) -> Message:
    """Return a request that the planted client's owner could make."""
    request = method.request()
    _fill(request, planted)
    for path, text in EXCEPTIONS.get(short, {}).items():
        *parents, last = path.split(".")
        inner: Any = request
        for parent in parents:
            inner = getattr(inner, parent)
        setattr(inner, last, text.format(**planted.values) if text.startswith("{") else text)
    return request


def with_wrong_credential(request: Any, own: Planted) -> Message:
    """Return the request with the attacker's own credential where it carries one."""
    if "report_token" in request.DESCRIPTOR.fields_by_name:
        request.report_token = own.values["report_token"]
    return request  # type: ignore[no-any-return]


def _fill(message: Message, planted: Planted) -> None:
    """Set what must be set, by the rules of the contract."""
    for field in message.DESCRIPTOR.fields:
        rules = _rules(field)
        if field.is_repeated:
            if field.message_type and rules.repeated.min_items:
                _fill(getattr(message, field.name).add(), planted)
            continue
        if field.type == FieldDescriptor.TYPE_MESSAGE and rules.required:
            inner = getattr(message, field.name)
            inner.SetInParent()
            _fill(inner, planted)
        elif field.type == FieldDescriptor.TYPE_ENUM and 0 in rules.enum.not_in:
            setattr(message, field.name, _first_value(field))
        elif field.type == FieldDescriptor.TYPE_STRING:
            setattr(message, field.name, _text(rules.string, planted))


def _rules(field: Any) -> Any:
    options: Any = field.GetOptions()  # the stubs do not know whose extension it is
    return options.Extensions[validate_pb2.field]


def _first_value(field: Any) -> int:
    """Return the first value of an enum that says something."""
    kind: Any = field.enum_type
    return int(kind.values[1].number)


def _text(rules: Any, planted: Planted) -> str:
    """Return a string that a field takes: empty where it may be, a planted name, a new id."""
    if _takes(rules, ""):
        return ""
    fitting = (name for name in planted.names if _takes(rules, name))
    return next(fitting, f"x{next(_fresh)}")


def _takes(rules: Any, text: str) -> bool:
    return len(text) >= rules.min_len and bool(re.search(rules.pattern, text))


def with_another_body(request: Message, method: Method) -> Message | None:
    """Return the request with another text in one field; None where it has no such field."""
    for path in _strings(request.DESCRIPTOR):
        where, rules = ".".join(field.name for field in path), _rules(path[-1]).string
        free = not path[-1].is_repeated and not rules.pattern
        if free and where not in (resource_field(method), "request_id", *_NOT_FREE):
            return _with(request, path, f"another {next(_fresh)}")
    return None


def resource_field(method: Method) -> str:
    """Return the path of the field that names the resource; empty where the mesh is meant."""
    return method.access.resource if method.access else ""


def with_foreign(
    request: Message, method: Method, foreign: Planted
) -> Iterator[tuple[str, str, Message]]:
    """Yield the request with one foreign string in one field: the field, the string, the request.

    The field that names the resource stays as it is.
    """
    for path in _strings(request.DESCRIPTOR):
        where = ".".join(field.name for field in path)
        if where == resource_field(method):
            continue
        for text in foreign.strings:
            yield where, text, _with(request, path, text)


def with_all_foreign(request: Message, method: Method, foreign: Planted) -> Message:
    """Return the request with a foreign string in every field, of the kind that it takes."""
    for path in _strings(request.DESCRIPTOR):
        where = ".".join(field.name for field in path)
        if where != resource_field(method):
            request = _with(request, path, _fitting(path[-1], foreign))
    return request


def _fitting(field: FieldDescriptor, foreign: Planted) -> str:
    if field.name in foreign.values:
        return foreign.values[field.name]
    rules = _rules(field)
    string = rules.repeated.items.string if field.is_repeated else rules.string
    return next((name for name in foreign.names if _takes(string, name)), foreign.project)


def _strings(kind: Any, above: Path = ()) -> Iterator[Path]:
    """Yield the way to each string field of a message."""
    for field in kind.fields if len(above) < _MAX_DEPTH else ():
        path = (*above, field)
        if field.type == FieldDescriptor.TYPE_STRING:
            yield path
        elif field.type == FieldDescriptor.TYPE_MESSAGE:
            yield from _strings(field.message_type, path)


def _with(request: Message, path: Path, text: str) -> Message:
    changed = type(request)()
    changed.CopyFrom(request)
    inner: Any = changed
    for field in path[:-1]:
        inner = getattr(inner, field.name)
        if field.is_repeated:
            if len(inner):
                inner = inner[0]
                continue
            inner = inner.add()
            _name_all(inner)
    last = path[-1]
    if last.is_repeated:
        getattr(inner, last.name).append(text)
    else:
        setattr(inner, last.name, text)
    return changed


def _name_all(message: Any) -> None:
    """Fill in the strings of a message that may be anything short, so that it is valid."""
    for field in message.DESCRIPTOR.fields:
        if field.type == FieldDescriptor.TYPE_STRING and _takes(_rules(field).string, "x"):
            setattr(message, field.name, "x")


def missing(request: Message, method: Method) -> Iterator[tuple[str, Message]]:
    """Yield the request with names of what does not exist: the thing, its project, its client."""
    where = resource_field(method)
    if not where:
        return
    name = getattr(request, where)
    parts = name.split("/")
    for at in {len(parts) - 1, *range(1, min(len(parts), 4), 2)}:
        other = "/".join([*parts[:at], "missing", *parts[at + 1 :]])
        changed = type(request)()
        changed.CopyFrom(request)
        setattr(changed, where, other)
        yield other, changed
