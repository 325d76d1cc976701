import datetime

from adjutant.common.v1 import access_pb2 as _access_pb2
from adjutant.common.v1 import approval_pb2 as _approval_pb2
from adjutant.common.v1 import error_reason_pb2 as _error_reason_pb2
from adjutant.orchestrator.v1 import approval_pb2 as _approval_pb2_1
from adjutant.orchestrator.v1 import approval_action_pb2 as _approval_action_pb2
from buf.validate import validate_pb2 as _validate_pb2
from google.protobuf import duration_pb2 as _duration_pb2
from google.protobuf import timestamp_pb2 as _timestamp_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class RequestApprovalRequest(_message.Message):
    __slots__ = ("parent", "request_id", "tool", "risk", "task", "run")
    PARENT_FIELD_NUMBER: _ClassVar[int]
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    TOOL_FIELD_NUMBER: _ClassVar[int]
    RISK_FIELD_NUMBER: _ClassVar[int]
    TASK_FIELD_NUMBER: _ClassVar[int]
    RUN_FIELD_NUMBER: _ClassVar[int]
    parent: str
    request_id: str
    tool: _approval_action_pb2.ToolAction
    risk: _approval_pb2.Risk
    task: str
    run: str
    def __init__(self, parent: _Optional[str] = ..., request_id: _Optional[str] = ..., tool: _Optional[_Union[_approval_action_pb2.ToolAction, _Mapping]] = ..., risk: _Optional[_Union[_approval_pb2.Risk, str]] = ..., task: _Optional[str] = ..., run: _Optional[str] = ...) -> None: ...

class RequestApprovalResponse(_message.Message):
    __slots__ = ("approval",)
    APPROVAL_FIELD_NUMBER: _ClassVar[int]
    approval: _approval_pb2_1.Approval
    def __init__(self, approval: _Optional[_Union[_approval_pb2_1.Approval, _Mapping]] = ...) -> None: ...

class ListApprovalsRequest(_message.Message):
    __slots__ = ("parent", "page_size", "page_token", "filter", "order_by")
    PARENT_FIELD_NUMBER: _ClassVar[int]
    PAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    FILTER_FIELD_NUMBER: _ClassVar[int]
    ORDER_BY_FIELD_NUMBER: _ClassVar[int]
    parent: str
    page_size: int
    page_token: str
    filter: str
    order_by: str
    def __init__(self, parent: _Optional[str] = ..., page_size: _Optional[int] = ..., page_token: _Optional[str] = ..., filter: _Optional[str] = ..., order_by: _Optional[str] = ...) -> None: ...

class ListApprovalsResponse(_message.Message):
    __slots__ = ("approvals", "next_page_token")
    APPROVALS_FIELD_NUMBER: _ClassVar[int]
    NEXT_PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    approvals: _containers.RepeatedCompositeFieldContainer[_approval_pb2_1.Approval]
    next_page_token: str
    def __init__(self, approvals: _Optional[_Iterable[_Union[_approval_pb2_1.Approval, _Mapping]]] = ..., next_page_token: _Optional[str] = ...) -> None: ...

class GetApprovalRequest(_message.Message):
    __slots__ = ("name",)
    NAME_FIELD_NUMBER: _ClassVar[int]
    name: str
    def __init__(self, name: _Optional[str] = ...) -> None: ...

class GetApprovalResponse(_message.Message):
    __slots__ = ("approval",)
    APPROVAL_FIELD_NUMBER: _ClassVar[int]
    approval: _approval_pb2_1.Approval
    def __init__(self, approval: _Optional[_Union[_approval_pb2_1.Approval, _Mapping]] = ...) -> None: ...

class DecideApprovalRequest(_message.Message):
    __slots__ = ("name", "decision", "reason", "action_digest", "edited_commit", "edited_plan", "edited_tool", "choice_id")
    class Decision(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
        __slots__ = ()
        DECISION_UNSPECIFIED: _ClassVar[DecideApprovalRequest.Decision]
        DECISION_APPROVE: _ClassVar[DecideApprovalRequest.Decision]
        DECISION_DENY: _ClassVar[DecideApprovalRequest.Decision]
        DECISION_CHOOSE: _ClassVar[DecideApprovalRequest.Decision]
    DECISION_UNSPECIFIED: DecideApprovalRequest.Decision
    DECISION_APPROVE: DecideApprovalRequest.Decision
    DECISION_DENY: DecideApprovalRequest.Decision
    DECISION_CHOOSE: DecideApprovalRequest.Decision
    NAME_FIELD_NUMBER: _ClassVar[int]
    DECISION_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    ACTION_DIGEST_FIELD_NUMBER: _ClassVar[int]
    EDITED_COMMIT_FIELD_NUMBER: _ClassVar[int]
    EDITED_PLAN_FIELD_NUMBER: _ClassVar[int]
    EDITED_TOOL_FIELD_NUMBER: _ClassVar[int]
    CHOICE_ID_FIELD_NUMBER: _ClassVar[int]
    name: str
    decision: DecideApprovalRequest.Decision
    reason: str
    action_digest: str
    edited_commit: CommitEdit
    edited_plan: PlanEdit
    edited_tool: ToolEdit
    choice_id: str
    def __init__(self, name: _Optional[str] = ..., decision: _Optional[_Union[DecideApprovalRequest.Decision, str]] = ..., reason: _Optional[str] = ..., action_digest: _Optional[str] = ..., edited_commit: _Optional[_Union[CommitEdit, _Mapping]] = ..., edited_plan: _Optional[_Union[PlanEdit, _Mapping]] = ..., edited_tool: _Optional[_Union[ToolEdit, _Mapping]] = ..., choice_id: _Optional[str] = ...) -> None: ...

class CommitEdit(_message.Message):
    __slots__ = ("message", "branch")
    MESSAGE_FIELD_NUMBER: _ClassVar[int]
    BRANCH_FIELD_NUMBER: _ClassVar[int]
    message: str
    branch: str
    def __init__(self, message: _Optional[str] = ..., branch: _Optional[str] = ...) -> None: ...

class PlanEdit(_message.Message):
    __slots__ = ("omitted_steps",)
    OMITTED_STEPS_FIELD_NUMBER: _ClassVar[int]
    omitted_steps: _containers.RepeatedScalarFieldContainer[int]
    def __init__(self, omitted_steps: _Optional[_Iterable[int]] = ...) -> None: ...

class ToolEdit(_message.Message):
    __slots__ = ("arguments",)
    ARGUMENTS_FIELD_NUMBER: _ClassVar[int]
    arguments: _containers.RepeatedCompositeFieldContainer[_approval_action_pb2.ToolArgument]
    def __init__(self, arguments: _Optional[_Iterable[_Union[_approval_action_pb2.ToolArgument, _Mapping]]] = ...) -> None: ...

class DecideApprovalResponse(_message.Message):
    __slots__ = ("approval",)
    APPROVAL_FIELD_NUMBER: _ClassVar[int]
    approval: _approval_pb2_1.Approval
    def __init__(self, approval: _Optional[_Union[_approval_pb2_1.Approval, _Mapping]] = ...) -> None: ...

class BatchDecideApprovalsRequest(_message.Message):
    __slots__ = ("parent", "requests")
    PARENT_FIELD_NUMBER: _ClassVar[int]
    REQUESTS_FIELD_NUMBER: _ClassVar[int]
    parent: str
    requests: _containers.RepeatedCompositeFieldContainer[DecideApprovalRequest]
    def __init__(self, parent: _Optional[str] = ..., requests: _Optional[_Iterable[_Union[DecideApprovalRequest, _Mapping]]] = ...) -> None: ...

class BatchDecideApprovalsResponse(_message.Message):
    __slots__ = ("results",)
    RESULTS_FIELD_NUMBER: _ClassVar[int]
    results: _containers.RepeatedCompositeFieldContainer[DecisionResult]
    def __init__(self, results: _Optional[_Iterable[_Union[DecisionResult, _Mapping]]] = ...) -> None: ...

class DecisionResult(_message.Message):
    __slots__ = ("name", "approval", "error")
    NAME_FIELD_NUMBER: _ClassVar[int]
    APPROVAL_FIELD_NUMBER: _ClassVar[int]
    ERROR_FIELD_NUMBER: _ClassVar[int]
    name: str
    approval: _approval_pb2_1.Approval
    error: DecisionError
    def __init__(self, name: _Optional[str] = ..., approval: _Optional[_Union[_approval_pb2_1.Approval, _Mapping]] = ..., error: _Optional[_Union[DecisionError, _Mapping]] = ...) -> None: ...

class DecisionError(_message.Message):
    __slots__ = ("reason", "message", "field")
    REASON_FIELD_NUMBER: _ClassVar[int]
    MESSAGE_FIELD_NUMBER: _ClassVar[int]
    FIELD_FIELD_NUMBER: _ClassVar[int]
    reason: _error_reason_pb2.ErrorReason
    message: str
    field: str
    def __init__(self, reason: _Optional[_Union[_error_reason_pb2.ErrorReason, str]] = ..., message: _Optional[str] = ..., field: _Optional[str] = ...) -> None: ...

class GetApprovalStatisticsRequest(_message.Message):
    __slots__ = ("parent", "since_time")
    PARENT_FIELD_NUMBER: _ClassVar[int]
    SINCE_TIME_FIELD_NUMBER: _ClassVar[int]
    parent: str
    since_time: _timestamp_pb2.Timestamp
    def __init__(self, parent: _Optional[str] = ..., since_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...

class GetApprovalStatisticsResponse(_message.Message):
    __slots__ = ("statistics",)
    STATISTICS_FIELD_NUMBER: _ClassVar[int]
    statistics: ApprovalStatistics
    def __init__(self, statistics: _Optional[_Union[ApprovalStatistics, _Mapping]] = ...) -> None: ...

class ApprovalStatistics(_message.Message):
    __slots__ = ("since_time", "outcomes", "approval_rate", "expiry_rate", "median_response_duration", "p95_response_duration", "truncated")
    SINCE_TIME_FIELD_NUMBER: _ClassVar[int]
    OUTCOMES_FIELD_NUMBER: _ClassVar[int]
    APPROVAL_RATE_FIELD_NUMBER: _ClassVar[int]
    EXPIRY_RATE_FIELD_NUMBER: _ClassVar[int]
    MEDIAN_RESPONSE_DURATION_FIELD_NUMBER: _ClassVar[int]
    P95_RESPONSE_DURATION_FIELD_NUMBER: _ClassVar[int]
    TRUNCATED_FIELD_NUMBER: _ClassVar[int]
    since_time: _timestamp_pb2.Timestamp
    outcomes: _containers.RepeatedCompositeFieldContainer[ApprovalOutcome]
    approval_rate: float
    expiry_rate: float
    median_response_duration: _duration_pb2.Duration
    p95_response_duration: _duration_pb2.Duration
    truncated: bool
    def __init__(self, since_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., outcomes: _Optional[_Iterable[_Union[ApprovalOutcome, _Mapping]]] = ..., approval_rate: _Optional[float] = ..., expiry_rate: _Optional[float] = ..., median_response_duration: _Optional[_Union[datetime.timedelta, _duration_pb2.Duration, _Mapping]] = ..., p95_response_duration: _Optional[_Union[datetime.timedelta, _duration_pb2.Duration, _Mapping]] = ..., truncated: bool = ...) -> None: ...

class ApprovalOutcome(_message.Message):
    __slots__ = ("state", "decided_by", "count")
    STATE_FIELD_NUMBER: _ClassVar[int]
    DECIDED_BY_FIELD_NUMBER: _ClassVar[int]
    COUNT_FIELD_NUMBER: _ClassVar[int]
    state: _approval_pb2.ApprovalState
    decided_by: _approval_pb2.ApprovalDecider
    count: int
    def __init__(self, state: _Optional[_Union[_approval_pb2.ApprovalState, str]] = ..., decided_by: _Optional[_Union[_approval_pb2.ApprovalDecider, str]] = ..., count: _Optional[int] = ...) -> None: ...
