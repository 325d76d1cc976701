import datetime

from adjutant.common.v1 import approval_pb2 as _approval_pb2
from adjutant.orchestrator.v1 import approval_action_pb2 as _approval_action_pb2
from google.protobuf import timestamp_pb2 as _timestamp_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class Approval(_message.Message):
    __slots__ = ("name", "task", "state", "title", "commit", "plan", "tool", "escalation", "action_digest", "decided_by", "reason", "create_time", "decide_time", "etag", "decider", "kind", "risk", "expire_time", "attempt", "previous", "choice_id", "requester", "run", "history")
    NAME_FIELD_NUMBER: _ClassVar[int]
    TASK_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    TITLE_FIELD_NUMBER: _ClassVar[int]
    COMMIT_FIELD_NUMBER: _ClassVar[int]
    PLAN_FIELD_NUMBER: _ClassVar[int]
    TOOL_FIELD_NUMBER: _ClassVar[int]
    ESCALATION_FIELD_NUMBER: _ClassVar[int]
    ACTION_DIGEST_FIELD_NUMBER: _ClassVar[int]
    DECIDED_BY_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    CREATE_TIME_FIELD_NUMBER: _ClassVar[int]
    DECIDE_TIME_FIELD_NUMBER: _ClassVar[int]
    ETAG_FIELD_NUMBER: _ClassVar[int]
    DECIDER_FIELD_NUMBER: _ClassVar[int]
    KIND_FIELD_NUMBER: _ClassVar[int]
    RISK_FIELD_NUMBER: _ClassVar[int]
    EXPIRE_TIME_FIELD_NUMBER: _ClassVar[int]
    ATTEMPT_FIELD_NUMBER: _ClassVar[int]
    PREVIOUS_FIELD_NUMBER: _ClassVar[int]
    CHOICE_ID_FIELD_NUMBER: _ClassVar[int]
    REQUESTER_FIELD_NUMBER: _ClassVar[int]
    RUN_FIELD_NUMBER: _ClassVar[int]
    HISTORY_FIELD_NUMBER: _ClassVar[int]
    name: str
    task: str
    state: _approval_pb2.ApprovalState
    title: str
    commit: _approval_action_pb2.CommitAction
    plan: _approval_action_pb2.PlanAction
    tool: _approval_action_pb2.ToolAction
    escalation: _approval_action_pb2.EscalationAction
    action_digest: str
    decided_by: _approval_pb2.ApprovalDecider
    reason: str
    create_time: _timestamp_pb2.Timestamp
    decide_time: _timestamp_pb2.Timestamp
    etag: str
    decider: str
    kind: _approval_pb2.ApprovalKind
    risk: _approval_pb2.Risk
    expire_time: _timestamp_pb2.Timestamp
    attempt: int
    previous: str
    choice_id: str
    requester: str
    run: str
    history: _containers.RepeatedCompositeFieldContainer[ApprovalHistoryEntry]
    def __init__(self, name: _Optional[str] = ..., task: _Optional[str] = ..., state: _Optional[_Union[_approval_pb2.ApprovalState, str]] = ..., title: _Optional[str] = ..., commit: _Optional[_Union[_approval_action_pb2.CommitAction, _Mapping]] = ..., plan: _Optional[_Union[_approval_action_pb2.PlanAction, _Mapping]] = ..., tool: _Optional[_Union[_approval_action_pb2.ToolAction, _Mapping]] = ..., escalation: _Optional[_Union[_approval_action_pb2.EscalationAction, _Mapping]] = ..., action_digest: _Optional[str] = ..., decided_by: _Optional[_Union[_approval_pb2.ApprovalDecider, str]] = ..., reason: _Optional[str] = ..., create_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., decide_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., etag: _Optional[str] = ..., decider: _Optional[str] = ..., kind: _Optional[_Union[_approval_pb2.ApprovalKind, str]] = ..., risk: _Optional[_Union[_approval_pb2.Risk, str]] = ..., expire_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., attempt: _Optional[int] = ..., previous: _Optional[str] = ..., choice_id: _Optional[str] = ..., requester: _Optional[str] = ..., run: _Optional[str] = ..., history: _Optional[_Iterable[_Union[ApprovalHistoryEntry, _Mapping]]] = ...) -> None: ...

class ApprovalHistoryEntry(_message.Message):
    __slots__ = ("change", "time", "actor", "message", "action", "action_digest")
    CHANGE_FIELD_NUMBER: _ClassVar[int]
    TIME_FIELD_NUMBER: _ClassVar[int]
    ACTOR_FIELD_NUMBER: _ClassVar[int]
    MESSAGE_FIELD_NUMBER: _ClassVar[int]
    ACTION_FIELD_NUMBER: _ClassVar[int]
    ACTION_DIGEST_FIELD_NUMBER: _ClassVar[int]
    change: _approval_pb2.ApprovalChange
    time: _timestamp_pb2.Timestamp
    actor: str
    message: str
    action: _approval_action_pb2.ApprovalAction
    action_digest: str
    def __init__(self, change: _Optional[_Union[_approval_pb2.ApprovalChange, str]] = ..., time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., actor: _Optional[str] = ..., message: _Optional[str] = ..., action: _Optional[_Union[_approval_action_pb2.ApprovalAction, _Mapping]] = ..., action_digest: _Optional[str] = ...) -> None: ...
