import datetime

from adjutant.common.v1 import approval_pb2 as _approval_pb2
from google.protobuf import timestamp_pb2 as _timestamp_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class ApprovalRequested(_message.Message):
    __slots__ = ("title", "action_digest", "changed_files", "kind", "risk", "expire_time", "attempt", "previous", "requester")
    TITLE_FIELD_NUMBER: _ClassVar[int]
    ACTION_DIGEST_FIELD_NUMBER: _ClassVar[int]
    CHANGED_FILES_FIELD_NUMBER: _ClassVar[int]
    KIND_FIELD_NUMBER: _ClassVar[int]
    RISK_FIELD_NUMBER: _ClassVar[int]
    EXPIRE_TIME_FIELD_NUMBER: _ClassVar[int]
    ATTEMPT_FIELD_NUMBER: _ClassVar[int]
    PREVIOUS_FIELD_NUMBER: _ClassVar[int]
    REQUESTER_FIELD_NUMBER: _ClassVar[int]
    title: str
    action_digest: str
    changed_files: _containers.RepeatedScalarFieldContainer[str]
    kind: _approval_pb2.ApprovalKind
    risk: _approval_pb2.Risk
    expire_time: _timestamp_pb2.Timestamp
    attempt: int
    previous: str
    requester: str
    def __init__(self, title: _Optional[str] = ..., action_digest: _Optional[str] = ..., changed_files: _Optional[_Iterable[str]] = ..., kind: _Optional[_Union[_approval_pb2.ApprovalKind, str]] = ..., risk: _Optional[_Union[_approval_pb2.Risk, str]] = ..., expire_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., attempt: _Optional[int] = ..., previous: _Optional[str] = ..., requester: _Optional[str] = ...) -> None: ...

class ApprovalExpiring(_message.Message):
    __slots__ = ("title", "expire_time", "risk")
    TITLE_FIELD_NUMBER: _ClassVar[int]
    EXPIRE_TIME_FIELD_NUMBER: _ClassVar[int]
    RISK_FIELD_NUMBER: _ClassVar[int]
    title: str
    expire_time: _timestamp_pb2.Timestamp
    risk: _approval_pb2.Risk
    def __init__(self, title: _Optional[str] = ..., expire_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., risk: _Optional[_Union[_approval_pb2.Risk, str]] = ...) -> None: ...

class ApprovalResolved(_message.Message):
    __slots__ = ("state", "decided_by", "reason", "decider", "action_digest", "choice_id")
    STATE_FIELD_NUMBER: _ClassVar[int]
    DECIDED_BY_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    DECIDER_FIELD_NUMBER: _ClassVar[int]
    ACTION_DIGEST_FIELD_NUMBER: _ClassVar[int]
    CHOICE_ID_FIELD_NUMBER: _ClassVar[int]
    state: _approval_pb2.ApprovalState
    decided_by: _approval_pb2.ApprovalDecider
    reason: str
    decider: str
    action_digest: str
    choice_id: str
    def __init__(self, state: _Optional[_Union[_approval_pb2.ApprovalState, str]] = ..., decided_by: _Optional[_Union[_approval_pb2.ApprovalDecider, str]] = ..., reason: _Optional[str] = ..., decider: _Optional[str] = ..., action_digest: _Optional[str] = ..., choice_id: _Optional[str] = ...) -> None: ...
