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

class ApprovalDecider(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    APPROVAL_DECIDER_UNSPECIFIED: _ClassVar[ApprovalDecider]
    APPROVAL_DECIDER_PERSON: _ClassVar[ApprovalDecider]
    APPROVAL_DECIDER_POLICY: _ClassVar[ApprovalDecider]
APPROVAL_STATE_UNSPECIFIED: ApprovalState
APPROVAL_STATE_PENDING: ApprovalState
APPROVAL_STATE_APPROVED: ApprovalState
APPROVAL_STATE_DENIED: ApprovalState
APPROVAL_STATE_DISMISSED: ApprovalState
APPROVAL_DECIDER_UNSPECIFIED: ApprovalDecider
APPROVAL_DECIDER_PERSON: ApprovalDecider
APPROVAL_DECIDER_POLICY: ApprovalDecider
