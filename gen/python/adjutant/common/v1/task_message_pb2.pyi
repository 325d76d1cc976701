from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from typing import ClassVar as _ClassVar

DESCRIPTOR: _descriptor.FileDescriptor

class TaskMessageState(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    TASK_MESSAGE_STATE_UNSPECIFIED: _ClassVar[TaskMessageState]
    TASK_MESSAGE_STATE_PENDING: _ClassVar[TaskMessageState]
    TASK_MESSAGE_STATE_DELIVERED: _ClassVar[TaskMessageState]
    TASK_MESSAGE_STATE_DISCARDED: _ClassVar[TaskMessageState]
TASK_MESSAGE_STATE_UNSPECIFIED: TaskMessageState
TASK_MESSAGE_STATE_PENDING: TaskMessageState
TASK_MESSAGE_STATE_DELIVERED: TaskMessageState
TASK_MESSAGE_STATE_DISCARDED: TaskMessageState
