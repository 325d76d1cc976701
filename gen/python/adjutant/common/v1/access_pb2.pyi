from google.protobuf import descriptor_pb2 as _descriptor_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class Permission(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    PERMISSION_UNSPECIFIED: _ClassVar[Permission]
    PERMISSION_SELF: _ClassVar[Permission]
    PERMISSION_MESH_MANAGE: _ClassVar[Permission]
    PERMISSION_HIERARCHY_READ: _ClassVar[Permission]
    PERMISSION_HIERARCHY_MANAGE: _ClassVar[Permission]
    PERMISSION_MEMBERS_READ: _ClassVar[Permission]
    PERMISSION_MEMBERS_MANAGE: _ClassVar[Permission]
    PERMISSION_KEYS_MANAGE: _ClassVar[Permission]
    PERMISSION_CONNECTIONS_READ: _ClassVar[Permission]
    PERMISSION_CONNECTIONS_MANAGE: _ClassVar[Permission]
    PERMISSION_CREDENTIALS_USE: _ClassVar[Permission]
    PERMISSION_AUDIT_READ: _ClassVar[Permission]
    PERMISSION_TASKS_READ: _ClassVar[Permission]
    PERMISSION_TASKS_WRITE: _ClassVar[Permission]
    PERMISSION_APPROVALS_READ: _ClassVar[Permission]
    PERMISSION_APPROVALS_DECIDE: _ClassVar[Permission]
    PERMISSION_RUNS_READ: _ClassVar[Permission]
    PERMISSION_RUNS_WRITE: _ClassVar[Permission]
    PERMISSION_EVENTS_READ: _ClassVar[Permission]
    PERMISSION_APPROVALS_REQUEST: _ClassVar[Permission]
    PERMISSION_SCHEDULES_READ: _ClassVar[Permission]
    PERMISSION_SCHEDULES_WRITE: _ClassVar[Permission]
    PERMISSION_MODELS_READ: _ClassVar[Permission]
    PERMISSION_CHAT_READ: _ClassVar[Permission]
    PERMISSION_CHAT_WRITE: _ClassVar[Permission]
    PERMISSION_USAGE_READ: _ClassVar[Permission]
    PERMISSION_USAGE_MANAGE: _ClassVar[Permission]
    PERMISSION_TRACES_READ: _ClassVar[Permission]

class Role(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    ROLE_UNSPECIFIED: _ClassVar[Role]
    ROLE_OWNER: _ClassVar[Role]
    ROLE_EDITOR: _ClassVar[Role]
    ROLE_VIEWER: _ClassVar[Role]
    ROLE_AGENT: _ClassVar[Role]

class AuditKind(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    AUDIT_KIND_UNSPECIFIED: _ClassVar[AuditKind]
    AUDIT_KIND_AUTHENTICATION: _ClassVar[AuditKind]
    AUDIT_KIND_DENIAL: _ClassVar[AuditKind]
    AUDIT_KIND_DECISION: _ClassVar[AuditKind]
    AUDIT_KIND_CREDENTIAL_USE: _ClassVar[AuditKind]
    AUDIT_KIND_EXPORT: _ClassVar[AuditKind]
    AUDIT_KIND_DELETION: _ClassVar[AuditKind]
    AUDIT_KIND_CHANGE: _ClassVar[AuditKind]
PERMISSION_UNSPECIFIED: Permission
PERMISSION_SELF: Permission
PERMISSION_MESH_MANAGE: Permission
PERMISSION_HIERARCHY_READ: Permission
PERMISSION_HIERARCHY_MANAGE: Permission
PERMISSION_MEMBERS_READ: Permission
PERMISSION_MEMBERS_MANAGE: Permission
PERMISSION_KEYS_MANAGE: Permission
PERMISSION_CONNECTIONS_READ: Permission
PERMISSION_CONNECTIONS_MANAGE: Permission
PERMISSION_CREDENTIALS_USE: Permission
PERMISSION_AUDIT_READ: Permission
PERMISSION_TASKS_READ: Permission
PERMISSION_TASKS_WRITE: Permission
PERMISSION_APPROVALS_READ: Permission
PERMISSION_APPROVALS_DECIDE: Permission
PERMISSION_RUNS_READ: Permission
PERMISSION_RUNS_WRITE: Permission
PERMISSION_EVENTS_READ: Permission
PERMISSION_APPROVALS_REQUEST: Permission
PERMISSION_SCHEDULES_READ: Permission
PERMISSION_SCHEDULES_WRITE: Permission
PERMISSION_MODELS_READ: Permission
PERMISSION_CHAT_READ: Permission
PERMISSION_CHAT_WRITE: Permission
PERMISSION_USAGE_READ: Permission
PERMISSION_USAGE_MANAGE: Permission
PERMISSION_TRACES_READ: Permission
ROLE_UNSPECIFIED: Role
ROLE_OWNER: Role
ROLE_EDITOR: Role
ROLE_VIEWER: Role
ROLE_AGENT: Role
AUDIT_KIND_UNSPECIFIED: AuditKind
AUDIT_KIND_AUTHENTICATION: AuditKind
AUDIT_KIND_DENIAL: AuditKind
AUDIT_KIND_DECISION: AuditKind
AUDIT_KIND_CREDENTIAL_USE: AuditKind
AUDIT_KIND_EXPORT: AuditKind
AUDIT_KIND_DELETION: AuditKind
AUDIT_KIND_CHANGE: AuditKind
ACCESS_FIELD_NUMBER: _ClassVar[int]
access: _descriptor.FieldDescriptor

class MethodAccess(_message.Message):
    __slots__ = ("permission", "resource", "references", "cost", "own_credential", "audit", "audited")
    PERMISSION_FIELD_NUMBER: _ClassVar[int]
    RESOURCE_FIELD_NUMBER: _ClassVar[int]
    REFERENCES_FIELD_NUMBER: _ClassVar[int]
    COST_FIELD_NUMBER: _ClassVar[int]
    OWN_CREDENTIAL_FIELD_NUMBER: _ClassVar[int]
    AUDIT_FIELD_NUMBER: _ClassVar[int]
    AUDITED_FIELD_NUMBER: _ClassVar[int]
    permission: Permission
    resource: str
    references: _containers.RepeatedScalarFieldContainer[str]
    cost: int
    own_credential: bool
    audit: AuditKind
    audited: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, permission: _Optional[_Union[Permission, str]] = ..., resource: _Optional[str] = ..., references: _Optional[_Iterable[str]] = ..., cost: _Optional[int] = ..., own_credential: bool = ..., audit: _Optional[_Union[AuditKind, str]] = ..., audited: _Optional[_Iterable[str]] = ...) -> None: ...
