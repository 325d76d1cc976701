from adjutant.common.v1 import access_pb2 as _access_pb2
from adjutant.event.v1 import event_pb2 as _event_pb2
from adjutant.event.v1 import frame_pb2 as _frame_pb2
from buf.validate import validate_pb2 as _validate_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class SubscribeRequest(_message.Message):
    __slots__ = ("parent", "kinds", "task", "cursor", "from_start")
    PARENT_FIELD_NUMBER: _ClassVar[int]
    KINDS_FIELD_NUMBER: _ClassVar[int]
    TASK_FIELD_NUMBER: _ClassVar[int]
    CURSOR_FIELD_NUMBER: _ClassVar[int]
    FROM_START_FIELD_NUMBER: _ClassVar[int]
    parent: str
    kinds: _containers.RepeatedScalarFieldContainer[_event_pb2.EventKind]
    task: str
    cursor: str
    from_start: bool
    def __init__(self, parent: _Optional[str] = ..., kinds: _Optional[_Iterable[_Union[_event_pb2.EventKind, str]]] = ..., task: _Optional[str] = ..., cursor: _Optional[str] = ..., from_start: bool = ...) -> None: ...

class SubscribeResponse(_message.Message):
    __slots__ = ("frame",)
    FRAME_FIELD_NUMBER: _ClassVar[int]
    frame: _frame_pb2.EventFrame
    def __init__(self, frame: _Optional[_Union[_frame_pb2.EventFrame, _Mapping]] = ...) -> None: ...
