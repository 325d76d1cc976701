import datetime

from adjutant.common.v1 import approval_pb2 as _approval_pb2
from adjutant.common.v1 import money_pb2 as _money_pb2
from adjutant.orchestrator.v1 import task_pb2 as _task_pb2
from buf.validate import validate_pb2 as _validate_pb2
from google.protobuf import duration_pb2 as _duration_pb2
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class Settings(_message.Message):
    __slots__ = ("approval_policy", "share_knowledge", "auto_approve_low_risk", "approval_timeout_medium", "approval_timeout_high", "escalation_policy", "max_step_iterations", "cost_limit", "plan_approval_complexity", "max_parallel_steps")
    APPROVAL_POLICY_FIELD_NUMBER: _ClassVar[int]
    SHARE_KNOWLEDGE_FIELD_NUMBER: _ClassVar[int]
    AUTO_APPROVE_LOW_RISK_FIELD_NUMBER: _ClassVar[int]
    APPROVAL_TIMEOUT_MEDIUM_FIELD_NUMBER: _ClassVar[int]
    APPROVAL_TIMEOUT_HIGH_FIELD_NUMBER: _ClassVar[int]
    ESCALATION_POLICY_FIELD_NUMBER: _ClassVar[int]
    MAX_STEP_ITERATIONS_FIELD_NUMBER: _ClassVar[int]
    COST_LIMIT_FIELD_NUMBER: _ClassVar[int]
    PLAN_APPROVAL_COMPLEXITY_FIELD_NUMBER: _ClassVar[int]
    MAX_PARALLEL_STEPS_FIELD_NUMBER: _ClassVar[int]
    approval_policy: _task_pb2.ApprovalPolicy
    share_knowledge: bool
    auto_approve_low_risk: bool
    approval_timeout_medium: _duration_pb2.Duration
    approval_timeout_high: _duration_pb2.Duration
    escalation_policy: _approval_pb2.EscalationPolicy
    max_step_iterations: int
    cost_limit: _money_pb2.Money
    plan_approval_complexity: int
    max_parallel_steps: int
    def __init__(self, approval_policy: _Optional[_Union[_task_pb2.ApprovalPolicy, str]] = ..., share_knowledge: bool = ..., auto_approve_low_risk: bool = ..., approval_timeout_medium: _Optional[_Union[datetime.timedelta, _duration_pb2.Duration, _Mapping]] = ..., approval_timeout_high: _Optional[_Union[datetime.timedelta, _duration_pb2.Duration, _Mapping]] = ..., escalation_policy: _Optional[_Union[_approval_pb2.EscalationPolicy, str]] = ..., max_step_iterations: _Optional[int] = ..., cost_limit: _Optional[_Union[_money_pb2.Money, _Mapping]] = ..., plan_approval_complexity: _Optional[int] = ..., max_parallel_steps: _Optional[int] = ...) -> None: ...
