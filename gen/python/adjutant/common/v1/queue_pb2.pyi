from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from typing import ClassVar as _ClassVar

DESCRIPTOR: _descriptor.FileDescriptor

class TaskQueue(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    TASK_QUEUE_UNSPECIFIED: _ClassVar[TaskQueue]
    TASK_QUEUE_FOREGROUND: _ClassVar[TaskQueue]
    TASK_QUEUE_BACKGROUND: _ClassVar[TaskQueue]
TASK_QUEUE_UNSPECIFIED: TaskQueue
TASK_QUEUE_FOREGROUND: TaskQueue
TASK_QUEUE_BACKGROUND: TaskQueue
