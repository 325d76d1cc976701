from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from typing import ClassVar as _ClassVar

DESCRIPTOR: _descriptor.FileDescriptor

class RunState(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    RUN_STATE_UNSPECIFIED: _ClassVar[RunState]
    RUN_STATE_PREPARING: _ClassVar[RunState]
    RUN_STATE_RUNNING: _ClassVar[RunState]
    RUN_STATE_CANCELLING: _ClassVar[RunState]
    RUN_STATE_SUCCEEDED: _ClassVar[RunState]
    RUN_STATE_FAILED: _ClassVar[RunState]
    RUN_STATE_CANCELLED: _ClassVar[RunState]

class RunLiveness(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    RUN_LIVENESS_UNSPECIFIED: _ClassVar[RunLiveness]
    RUN_LIVENESS_ACTIVE: _ClassVar[RunLiveness]
    RUN_LIVENESS_WAITING_ON_PROCESS: _ClassVar[RunLiveness]
    RUN_LIVENESS_SILENT: _ClassVar[RunLiveness]
    RUN_LIVENESS_LOOPING: _ClassVar[RunLiveness]
RUN_STATE_UNSPECIFIED: RunState
RUN_STATE_PREPARING: RunState
RUN_STATE_RUNNING: RunState
RUN_STATE_CANCELLING: RunState
RUN_STATE_SUCCEEDED: RunState
RUN_STATE_FAILED: RunState
RUN_STATE_CANCELLED: RunState
RUN_LIVENESS_UNSPECIFIED: RunLiveness
RUN_LIVENESS_ACTIVE: RunLiveness
RUN_LIVENESS_WAITING_ON_PROCESS: RunLiveness
RUN_LIVENESS_SILENT: RunLiveness
RUN_LIVENESS_LOOPING: RunLiveness
