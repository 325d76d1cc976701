import datetime

from adjutant.common.v1 import access_pb2 as _access_pb2
from adjutant.common.v1 import error_reason_pb2 as _error_reason_pb2
from adjutant.event.v1 import access_events_pb2 as _access_events_pb2
from google.protobuf import timestamp_pb2 as _timestamp_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class AuditEntry(_message.Message):
    __slots__ = ("name", "time", "kind", "resource", "principal", "on_behalf_of", "credential", "method", "denial", "service", "peer", "platform", "count", "first_time", "trace", "details")
    NAME_FIELD_NUMBER: _ClassVar[int]
    TIME_FIELD_NUMBER: _ClassVar[int]
    KIND_FIELD_NUMBER: _ClassVar[int]
    RESOURCE_FIELD_NUMBER: _ClassVar[int]
    PRINCIPAL_FIELD_NUMBER: _ClassVar[int]
    ON_BEHALF_OF_FIELD_NUMBER: _ClassVar[int]
    CREDENTIAL_FIELD_NUMBER: _ClassVar[int]
    METHOD_FIELD_NUMBER: _ClassVar[int]
    DENIAL_FIELD_NUMBER: _ClassVar[int]
    SERVICE_FIELD_NUMBER: _ClassVar[int]
    PEER_FIELD_NUMBER: _ClassVar[int]
    PLATFORM_FIELD_NUMBER: _ClassVar[int]
    COUNT_FIELD_NUMBER: _ClassVar[int]
    FIRST_TIME_FIELD_NUMBER: _ClassVar[int]
    TRACE_FIELD_NUMBER: _ClassVar[int]
    DETAILS_FIELD_NUMBER: _ClassVar[int]
    name: str
    time: _timestamp_pb2.Timestamp
    kind: _access_pb2.AuditKind
    resource: str
    principal: str
    on_behalf_of: str
    credential: str
    method: str
    denial: _error_reason_pb2.ErrorReason
    service: str
    peer: str
    platform: str
    count: int
    first_time: _timestamp_pb2.Timestamp
    trace: str
    details: _containers.RepeatedCompositeFieldContainer[_access_events_pb2.AuditDetail]
    def __init__(self, name: _Optional[str] = ..., time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., kind: _Optional[_Union[_access_pb2.AuditKind, str]] = ..., resource: _Optional[str] = ..., principal: _Optional[str] = ..., on_behalf_of: _Optional[str] = ..., credential: _Optional[str] = ..., method: _Optional[str] = ..., denial: _Optional[_Union[_error_reason_pb2.ErrorReason, str]] = ..., service: _Optional[str] = ..., peer: _Optional[str] = ..., platform: _Optional[str] = ..., count: _Optional[int] = ..., first_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., trace: _Optional[str] = ..., details: _Optional[_Iterable[_Union[_access_events_pb2.AuditDetail, _Mapping]]] = ...) -> None: ...
