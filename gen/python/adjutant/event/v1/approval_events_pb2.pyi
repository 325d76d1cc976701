from adjutant.common.v1 import approval_pb2 as _approval_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class ApprovalRequested(_message.Message):
    __slots__ = ("title", "action_digest", "changed_files")
    TITLE_FIELD_NUMBER: _ClassVar[int]
    ACTION_DIGEST_FIELD_NUMBER: _ClassVar[int]
    CHANGED_FILES_FIELD_NUMBER: _ClassVar[int]
    title: str
    action_digest: str
    changed_files: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, title: _Optional[str] = ..., action_digest: _Optional[str] = ..., changed_files: _Optional[_Iterable[str]] = ...) -> None: ...

class ApprovalResolved(_message.Message):
    __slots__ = ("state", "decided_by", "reason", "decider")
    STATE_FIELD_NUMBER: _ClassVar[int]
    DECIDED_BY_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    DECIDER_FIELD_NUMBER: _ClassVar[int]
    state: _approval_pb2.ApprovalState
    decided_by: _approval_pb2.ApprovalDecider
    reason: str
    decider: str
    def __init__(self, state: _Optional[_Union[_approval_pb2.ApprovalState, str]] = ..., decided_by: _Optional[_Union[_approval_pb2.ApprovalDecider, str]] = ..., reason: _Optional[str] = ..., decider: _Optional[str] = ...) -> None: ...
