import datetime

from adjutant.common.v1 import approval_pb2 as _approval_pb2
from adjutant.common.v1 import failure_pb2 as _failure_pb2
from adjutant.common.v1 import money_pb2 as _money_pb2
from adjutant.common.v1 import queue_pb2 as _queue_pb2
from adjutant.common.v1 import task_pb2 as _task_pb2
from adjutant.orchestrator.v1 import estimate_pb2 as _estimate_pb2
from buf.validate import validate_pb2 as _validate_pb2
from google.protobuf import timestamp_pb2 as _timestamp_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class FailurePolicy(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    FAILURE_POLICY_UNSPECIFIED: _ClassVar[FailurePolicy]
    FAILURE_POLICY_FAIL: _ClassVar[FailurePolicy]
    FAILURE_POLICY_KEEP: _ClassVar[FailurePolicy]

class ApprovalPolicy(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    APPROVAL_POLICY_UNSPECIFIED: _ClassVar[ApprovalPolicy]
    APPROVAL_POLICY_ASK: _ClassVar[ApprovalPolicy]
    APPROVAL_POLICY_APPROVE: _ClassVar[ApprovalPolicy]
FAILURE_POLICY_UNSPECIFIED: FailurePolicy
FAILURE_POLICY_FAIL: FailurePolicy
FAILURE_POLICY_KEEP: FailurePolicy
APPROVAL_POLICY_UNSPECIFIED: ApprovalPolicy
APPROVAL_POLICY_ASK: ApprovalPolicy
APPROVAL_POLICY_APPROVE: ApprovalPolicy

class Task(_message.Message):
    __slots__ = ("name", "title", "state", "instructions", "repository", "approval_policy", "goals", "steps", "progress", "failure", "commit", "attempt", "create_time", "update_time", "start_time", "end_time", "etag", "submitter", "escalation_policy", "approval", "queue", "rank", "pending_message_count", "message_count", "max_parallel_steps", "failure_policy", "partial_success", "retry_time", "costs", "estimate", "plan_cached", "complexity")
    NAME_FIELD_NUMBER: _ClassVar[int]
    TITLE_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    INSTRUCTIONS_FIELD_NUMBER: _ClassVar[int]
    REPOSITORY_FIELD_NUMBER: _ClassVar[int]
    APPROVAL_POLICY_FIELD_NUMBER: _ClassVar[int]
    GOALS_FIELD_NUMBER: _ClassVar[int]
    STEPS_FIELD_NUMBER: _ClassVar[int]
    PROGRESS_FIELD_NUMBER: _ClassVar[int]
    FAILURE_FIELD_NUMBER: _ClassVar[int]
    COMMIT_FIELD_NUMBER: _ClassVar[int]
    ATTEMPT_FIELD_NUMBER: _ClassVar[int]
    CREATE_TIME_FIELD_NUMBER: _ClassVar[int]
    UPDATE_TIME_FIELD_NUMBER: _ClassVar[int]
    START_TIME_FIELD_NUMBER: _ClassVar[int]
    END_TIME_FIELD_NUMBER: _ClassVar[int]
    ETAG_FIELD_NUMBER: _ClassVar[int]
    SUBMITTER_FIELD_NUMBER: _ClassVar[int]
    ESCALATION_POLICY_FIELD_NUMBER: _ClassVar[int]
    APPROVAL_FIELD_NUMBER: _ClassVar[int]
    QUEUE_FIELD_NUMBER: _ClassVar[int]
    RANK_FIELD_NUMBER: _ClassVar[int]
    PENDING_MESSAGE_COUNT_FIELD_NUMBER: _ClassVar[int]
    MESSAGE_COUNT_FIELD_NUMBER: _ClassVar[int]
    MAX_PARALLEL_STEPS_FIELD_NUMBER: _ClassVar[int]
    FAILURE_POLICY_FIELD_NUMBER: _ClassVar[int]
    PARTIAL_SUCCESS_FIELD_NUMBER: _ClassVar[int]
    RETRY_TIME_FIELD_NUMBER: _ClassVar[int]
    COSTS_FIELD_NUMBER: _ClassVar[int]
    ESTIMATE_FIELD_NUMBER: _ClassVar[int]
    PLAN_CACHED_FIELD_NUMBER: _ClassVar[int]
    COMPLEXITY_FIELD_NUMBER: _ClassVar[int]
    name: str
    title: str
    state: _task_pb2.TaskState
    instructions: str
    repository: Repository
    approval_policy: ApprovalPolicy
    goals: _containers.RepeatedCompositeFieldContainer[Goal]
    steps: _containers.RepeatedCompositeFieldContainer[_task_pb2.Step]
    progress: _task_pb2.Progress
    failure: _failure_pb2.Failure
    commit: _task_pb2.Commit
    attempt: int
    create_time: _timestamp_pb2.Timestamp
    update_time: _timestamp_pb2.Timestamp
    start_time: _timestamp_pb2.Timestamp
    end_time: _timestamp_pb2.Timestamp
    etag: str
    submitter: str
    escalation_policy: _approval_pb2.EscalationPolicy
    approval: str
    queue: _queue_pb2.TaskQueue
    rank: str
    pending_message_count: int
    message_count: int
    max_parallel_steps: int
    failure_policy: FailurePolicy
    partial_success: bool
    retry_time: _timestamp_pb2.Timestamp
    costs: _containers.RepeatedCompositeFieldContainer[_money_pb2.Money]
    estimate: _estimate_pb2.Estimate
    plan_cached: bool
    complexity: int
    def __init__(self, name: _Optional[str] = ..., title: _Optional[str] = ..., state: _Optional[_Union[_task_pb2.TaskState, str]] = ..., instructions: _Optional[str] = ..., repository: _Optional[_Union[Repository, _Mapping]] = ..., approval_policy: _Optional[_Union[ApprovalPolicy, str]] = ..., goals: _Optional[_Iterable[_Union[Goal, _Mapping]]] = ..., steps: _Optional[_Iterable[_Union[_task_pb2.Step, _Mapping]]] = ..., progress: _Optional[_Union[_task_pb2.Progress, _Mapping]] = ..., failure: _Optional[_Union[_failure_pb2.Failure, _Mapping]] = ..., commit: _Optional[_Union[_task_pb2.Commit, _Mapping]] = ..., attempt: _Optional[int] = ..., create_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., update_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., start_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., end_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., etag: _Optional[str] = ..., submitter: _Optional[str] = ..., escalation_policy: _Optional[_Union[_approval_pb2.EscalationPolicy, str]] = ..., approval: _Optional[str] = ..., queue: _Optional[_Union[_queue_pb2.TaskQueue, str]] = ..., rank: _Optional[str] = ..., pending_message_count: _Optional[int] = ..., message_count: _Optional[int] = ..., max_parallel_steps: _Optional[int] = ..., failure_policy: _Optional[_Union[FailurePolicy, str]] = ..., partial_success: bool = ..., retry_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., costs: _Optional[_Iterable[_Union[_money_pb2.Money, _Mapping]]] = ..., estimate: _Optional[_Union[_estimate_pb2.Estimate, _Mapping]] = ..., plan_cached: bool = ..., complexity: _Optional[int] = ...) -> None: ...

class Repository(_message.Message):
    __slots__ = ("uri", "revision", "branch")
    URI_FIELD_NUMBER: _ClassVar[int]
    REVISION_FIELD_NUMBER: _ClassVar[int]
    BRANCH_FIELD_NUMBER: _ClassVar[int]
    uri: str
    revision: str
    branch: str
    def __init__(self, uri: _Optional[str] = ..., revision: _Optional[str] = ..., branch: _Optional[str] = ...) -> None: ...

class Goal(_message.Message):
    __slots__ = ("title",)
    TITLE_FIELD_NUMBER: _ClassVar[int]
    title: str
    def __init__(self, title: _Optional[str] = ...) -> None: ...
