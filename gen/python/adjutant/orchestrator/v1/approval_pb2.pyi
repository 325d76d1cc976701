import datetime

from adjutant.common.v1 import approval_pb2 as _approval_pb2
from google.protobuf import timestamp_pb2 as _timestamp_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class Approval(_message.Message):
    __slots__ = ("name", "task", "state", "title", "commit", "action_digest", "decided_by", "reason", "create_time", "decide_time", "etag", "decider")
    NAME_FIELD_NUMBER: _ClassVar[int]
    TASK_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    TITLE_FIELD_NUMBER: _ClassVar[int]
    COMMIT_FIELD_NUMBER: _ClassVar[int]
    ACTION_DIGEST_FIELD_NUMBER: _ClassVar[int]
    DECIDED_BY_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    CREATE_TIME_FIELD_NUMBER: _ClassVar[int]
    DECIDE_TIME_FIELD_NUMBER: _ClassVar[int]
    ETAG_FIELD_NUMBER: _ClassVar[int]
    DECIDER_FIELD_NUMBER: _ClassVar[int]
    name: str
    task: str
    state: _approval_pb2.ApprovalState
    title: str
    commit: CommitAction
    action_digest: str
    decided_by: _approval_pb2.ApprovalDecider
    reason: str
    create_time: _timestamp_pb2.Timestamp
    decide_time: _timestamp_pb2.Timestamp
    etag: str
    decider: str
    def __init__(self, name: _Optional[str] = ..., task: _Optional[str] = ..., state: _Optional[_Union[_approval_pb2.ApprovalState, str]] = ..., title: _Optional[str] = ..., commit: _Optional[_Union[CommitAction, _Mapping]] = ..., action_digest: _Optional[str] = ..., decided_by: _Optional[_Union[_approval_pb2.ApprovalDecider, str]] = ..., reason: _Optional[str] = ..., create_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., decide_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., etag: _Optional[str] = ..., decider: _Optional[str] = ...) -> None: ...

class CommitAction(_message.Message):
    __slots__ = ("repository_uri", "base_sha", "branch", "message", "patches", "changed_files")
    REPOSITORY_URI_FIELD_NUMBER: _ClassVar[int]
    BASE_SHA_FIELD_NUMBER: _ClassVar[int]
    BRANCH_FIELD_NUMBER: _ClassVar[int]
    MESSAGE_FIELD_NUMBER: _ClassVar[int]
    PATCHES_FIELD_NUMBER: _ClassVar[int]
    CHANGED_FILES_FIELD_NUMBER: _ClassVar[int]
    repository_uri: str
    base_sha: str
    branch: str
    message: str
    patches: _containers.RepeatedCompositeFieldContainer[PatchReference]
    changed_files: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, repository_uri: _Optional[str] = ..., base_sha: _Optional[str] = ..., branch: _Optional[str] = ..., message: _Optional[str] = ..., patches: _Optional[_Iterable[_Union[PatchReference, _Mapping]]] = ..., changed_files: _Optional[_Iterable[str]] = ...) -> None: ...

class PatchReference(_message.Message):
    __slots__ = ("run", "sha256")
    RUN_FIELD_NUMBER: _ClassVar[int]
    SHA256_FIELD_NUMBER: _ClassVar[int]
    run: str
    sha256: str
    def __init__(self, run: _Optional[str] = ..., sha256: _Optional[str] = ...) -> None: ...
