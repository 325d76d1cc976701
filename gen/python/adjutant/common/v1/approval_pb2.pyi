from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from typing import ClassVar as _ClassVar

DESCRIPTOR: _descriptor.FileDescriptor

class ApprovalState(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    APPROVAL_STATE_UNSPECIFIED: _ClassVar[ApprovalState]
    APPROVAL_STATE_PENDING: _ClassVar[ApprovalState]
    APPROVAL_STATE_APPROVED: _ClassVar[ApprovalState]
    APPROVAL_STATE_DENIED: _ClassVar[ApprovalState]
    APPROVAL_STATE_DISMISSED: _ClassVar[ApprovalState]
    APPROVAL_STATE_EXPIRED: _ClassVar[ApprovalState]

class ApprovalDecider(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    APPROVAL_DECIDER_UNSPECIFIED: _ClassVar[ApprovalDecider]
    APPROVAL_DECIDER_PERSON: _ClassVar[ApprovalDecider]
    APPROVAL_DECIDER_POLICY: _ClassVar[ApprovalDecider]

class ApprovalKind(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    APPROVAL_KIND_UNSPECIFIED: _ClassVar[ApprovalKind]
    APPROVAL_KIND_COMMIT: _ClassVar[ApprovalKind]
    APPROVAL_KIND_PLAN: _ClassVar[ApprovalKind]
    APPROVAL_KIND_TOOL: _ClassVar[ApprovalKind]
    APPROVAL_KIND_ESCALATION: _ClassVar[ApprovalKind]

class Risk(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    RISK_UNSPECIFIED: _ClassVar[Risk]
    RISK_LOW: _ClassVar[Risk]
    RISK_MEDIUM: _ClassVar[Risk]
    RISK_HIGH: _ClassVar[Risk]

class Complexity(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    COMPLEXITY_UNSPECIFIED: _ClassVar[Complexity]
    COMPLEXITY_LOW: _ClassVar[Complexity]
    COMPLEXITY_MEDIUM: _ClassVar[Complexity]
    COMPLEXITY_HIGH: _ClassVar[Complexity]

class EscalationKind(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    ESCALATION_KIND_UNSPECIFIED: _ClassVar[EscalationKind]
    ESCALATION_KIND_TOO_MANY_ITERATIONS: _ClassVar[EscalationKind]
    ESCALATION_KIND_NO_RECOVERY: _ClassVar[EscalationKind]
    ESCALATION_KIND_MONEY: _ClassVar[EscalationKind]
    ESCALATION_KIND_BREAKING_MERGE: _ClassVar[EscalationKind]

class EscalationPolicy(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    ESCALATION_POLICY_UNSPECIFIED: _ClassVar[EscalationPolicy]
    ESCALATION_POLICY_FAIL: _ClassVar[EscalationPolicy]
    ESCALATION_POLICY_ASK: _ClassVar[EscalationPolicy]

class ApprovalChange(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    APPROVAL_CHANGE_UNSPECIFIED: _ClassVar[ApprovalChange]
    APPROVAL_CHANGE_REQUESTED: _ClassVar[ApprovalChange]
    APPROVAL_CHANGE_WARNED: _ClassVar[ApprovalChange]
    APPROVAL_CHANGE_EDITED: _ClassVar[ApprovalChange]
    APPROVAL_CHANGE_DECIDED: _ClassVar[ApprovalChange]
    APPROVAL_CHANGE_EXPIRED: _ClassVar[ApprovalChange]
    APPROVAL_CHANGE_DISMISSED: _ClassVar[ApprovalChange]
    APPROVAL_CHANGE_RETRIED: _ClassVar[ApprovalChange]
APPROVAL_STATE_UNSPECIFIED: ApprovalState
APPROVAL_STATE_PENDING: ApprovalState
APPROVAL_STATE_APPROVED: ApprovalState
APPROVAL_STATE_DENIED: ApprovalState
APPROVAL_STATE_DISMISSED: ApprovalState
APPROVAL_STATE_EXPIRED: ApprovalState
APPROVAL_DECIDER_UNSPECIFIED: ApprovalDecider
APPROVAL_DECIDER_PERSON: ApprovalDecider
APPROVAL_DECIDER_POLICY: ApprovalDecider
APPROVAL_KIND_UNSPECIFIED: ApprovalKind
APPROVAL_KIND_COMMIT: ApprovalKind
APPROVAL_KIND_PLAN: ApprovalKind
APPROVAL_KIND_TOOL: ApprovalKind
APPROVAL_KIND_ESCALATION: ApprovalKind
RISK_UNSPECIFIED: Risk
RISK_LOW: Risk
RISK_MEDIUM: Risk
RISK_HIGH: Risk
COMPLEXITY_UNSPECIFIED: Complexity
COMPLEXITY_LOW: Complexity
COMPLEXITY_MEDIUM: Complexity
COMPLEXITY_HIGH: Complexity
ESCALATION_KIND_UNSPECIFIED: EscalationKind
ESCALATION_KIND_TOO_MANY_ITERATIONS: EscalationKind
ESCALATION_KIND_NO_RECOVERY: EscalationKind
ESCALATION_KIND_MONEY: EscalationKind
ESCALATION_KIND_BREAKING_MERGE: EscalationKind
ESCALATION_POLICY_UNSPECIFIED: EscalationPolicy
ESCALATION_POLICY_FAIL: EscalationPolicy
ESCALATION_POLICY_ASK: EscalationPolicy
APPROVAL_CHANGE_UNSPECIFIED: ApprovalChange
APPROVAL_CHANGE_REQUESTED: ApprovalChange
APPROVAL_CHANGE_WARNED: ApprovalChange
APPROVAL_CHANGE_EDITED: ApprovalChange
APPROVAL_CHANGE_DECIDED: ApprovalChange
APPROVAL_CHANGE_EXPIRED: ApprovalChange
APPROVAL_CHANGE_DISMISSED: ApprovalChange
APPROVAL_CHANGE_RETRIED: ApprovalChange
