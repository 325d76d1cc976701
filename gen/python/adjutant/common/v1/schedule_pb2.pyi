from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from typing import ClassVar as _ClassVar

DESCRIPTOR: _descriptor.FileDescriptor

class TickOutcome(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    TICK_OUTCOME_UNSPECIFIED: _ClassVar[TickOutcome]
    TICK_OUTCOME_SUBMITTED: _ClassVar[TickOutcome]
    TICK_OUTCOME_MISSED: _ClassVar[TickOutcome]
    TICK_OUTCOME_OVERLAPPED: _ClassVar[TickOutcome]
    TICK_OUTCOME_FAILED: _ClassVar[TickOutcome]
TICK_OUTCOME_UNSPECIFIED: TickOutcome
TICK_OUTCOME_SUBMITTED: TickOutcome
TICK_OUTCOME_MISSED: TickOutcome
TICK_OUTCOME_OVERLAPPED: TickOutcome
TICK_OUTCOME_FAILED: TickOutcome
