"""What each role and each service may do."""

from collections.abc import Mapping
from typing import Final

from adjutant.common.v1 import access_pb2

_P = access_pb2.Permission
_READ: Final = frozenset(
    {
        _P.PERMISSION_HIERARCHY_READ,
        _P.PERMISSION_CONNECTIONS_READ,
        _P.PERMISSION_TASKS_READ,
        _P.PERMISSION_APPROVALS_READ,
        _P.PERMISSION_RUNS_READ,
        _P.PERMISSION_EVENTS_READ,
        _P.PERMISSION_SCHEDULES_READ,
        _P.PERMISSION_MODELS_READ,
        _P.PERMISSION_CHAT_READ,
        _P.PERMISSION_USAGE_READ,
        _P.PERMISSION_TRACES_READ,
    }
)
_MANAGE: Final = frozenset(
    {
        _P.PERMISSION_HIERARCHY_MANAGE,
        _P.PERMISSION_MEMBERS_READ,
        _P.PERMISSION_MEMBERS_MANAGE,
        _P.PERMISSION_KEYS_MANAGE,
        _P.PERMISSION_CONNECTIONS_MANAGE,
        _P.PERMISSION_AUDIT_READ,
        _P.PERMISSION_USAGE_MANAGE,
    }
)
_WORK: Final = frozenset(
    {
        _P.PERMISSION_TASKS_WRITE,
        _P.PERMISSION_APPROVALS_DECIDE,
        _P.PERMISSION_APPROVALS_REQUEST,
        _P.PERMISSION_RUNS_WRITE,
        _P.PERMISSION_SCHEDULES_WRITE,
        _P.PERMISSION_CHAT_WRITE,
    }
)

ROLES: Final[Mapping[str, frozenset[int]]] = {
    "OWNER": _READ | _MANAGE | _WORK,
    "EDITOR": _READ | _WORK,
    "VIEWER": _READ,
    # Works and follows its work; never answers the approvals that hold it.
    "AGENT": (
        _READ
        | {
            _P.PERMISSION_TASKS_WRITE,
            _P.PERMISSION_APPROVALS_REQUEST,
            _P.PERMISSION_CHAT_WRITE,
        }
    )
    - {_P.PERMISSION_CONNECTIONS_READ},
}
"""Role, without its prefix, to what it may do."""

FORBIDDEN_TO_KEYS: Final = frozenset(
    {_P.PERMISSION_MEMBERS_MANAGE, _P.PERMISSION_KEYS_MANAGE, _P.PERMISSION_MESH_MANAGE}
)
"""What no API key may do: one that leaked must not make others that outlive it."""

SERVICES: Final[Mapping[str, frozenset[int]]] = {
    "orchestrator": frozenset({_P.PERMISSION_RUNS_READ, _P.PERMISSION_RUNS_WRITE}),
    "agent_runner": frozenset({_P.PERMISSION_CREDENTIALS_USE, _P.PERMISSION_TASKS_READ}),
}
"""What each service of the mesh may do, in every project; one that is not here, nothing."""
