import datetime

from adjutant.common.v1 import access_pb2 as _access_pb2
from adjutant.common.v1 import error_reason_pb2 as _error_reason_pb2
from google.protobuf import timestamp_pb2 as _timestamp_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class AccessChanged(_message.Message):
    __slots__ = ("change",)
    class Change(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
        __slots__ = ()
        CHANGE_UNSPECIFIED: _ClassVar[AccessChanged.Change]
        CHANGE_CREATED: _ClassVar[AccessChanged.Change]
        CHANGE_UPDATED: _ClassVar[AccessChanged.Change]
        CHANGE_DELETED: _ClassVar[AccessChanged.Change]
    CHANGE_UNSPECIFIED: AccessChanged.Change
    CHANGE_CREATED: AccessChanged.Change
    CHANGE_UPDATED: AccessChanged.Change
    CHANGE_DELETED: AccessChanged.Change
    CHANGE_FIELD_NUMBER: _ClassVar[int]
    change: AccessChanged.Change
    def __init__(self, change: _Optional[_Union[AccessChanged.Change, str]] = ...) -> None: ...

class AuditRecorded(_message.Message):
    __slots__ = ("kind", "principal", "on_behalf_of", "credential", "method", "denial", "peer", "platform", "count", "first_time", "trace", "service", "details")
    KIND_FIELD_NUMBER: _ClassVar[int]
    PRINCIPAL_FIELD_NUMBER: _ClassVar[int]
    ON_BEHALF_OF_FIELD_NUMBER: _ClassVar[int]
    CREDENTIAL_FIELD_NUMBER: _ClassVar[int]
    METHOD_FIELD_NUMBER: _ClassVar[int]
    DENIAL_FIELD_NUMBER: _ClassVar[int]
    PEER_FIELD_NUMBER: _ClassVar[int]
    PLATFORM_FIELD_NUMBER: _ClassVar[int]
    COUNT_FIELD_NUMBER: _ClassVar[int]
    FIRST_TIME_FIELD_NUMBER: _ClassVar[int]
    TRACE_FIELD_NUMBER: _ClassVar[int]
    SERVICE_FIELD_NUMBER: _ClassVar[int]
    DETAILS_FIELD_NUMBER: _ClassVar[int]
    kind: _access_pb2.AuditKind
    principal: str
    on_behalf_of: str
    credential: str
    method: str
    denial: _error_reason_pb2.ErrorReason
    peer: str
    platform: str
    count: int
    first_time: _timestamp_pb2.Timestamp
    trace: str
    service: str
    details: _containers.RepeatedCompositeFieldContainer[AuditDetail]
    def __init__(self, kind: _Optional[_Union[_access_pb2.AuditKind, str]] = ..., principal: _Optional[str] = ..., on_behalf_of: _Optional[str] = ..., credential: _Optional[str] = ..., method: _Optional[str] = ..., denial: _Optional[_Union[_error_reason_pb2.ErrorReason, str]] = ..., peer: _Optional[str] = ..., platform: _Optional[str] = ..., count: _Optional[int] = ..., first_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., trace: _Optional[str] = ..., service: _Optional[str] = ..., details: _Optional[_Iterable[_Union[AuditDetail, _Mapping]]] = ...) -> None: ...

class AuditDetail(_message.Message):
    __slots__ = ("field", "value")
    FIELD_FIELD_NUMBER: _ClassVar[int]
    VALUE_FIELD_NUMBER: _ClassVar[int]
    field: str
    value: str
    def __init__(self, field: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...
