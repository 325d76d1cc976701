from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class SessionChanged(_message.Message):
    __slots__ = ("change",)
    class Change(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
        __slots__ = ()
        CHANGE_UNSPECIFIED: _ClassVar[SessionChanged.Change]
        CHANGE_CREATED: _ClassVar[SessionChanged.Change]
        CHANGE_UPDATED: _ClassVar[SessionChanged.Change]
        CHANGE_DELETED: _ClassVar[SessionChanged.Change]
    CHANGE_UNSPECIFIED: SessionChanged.Change
    CHANGE_CREATED: SessionChanged.Change
    CHANGE_UPDATED: SessionChanged.Change
    CHANGE_DELETED: SessionChanged.Change
    CHANGE_FIELD_NUMBER: _ClassVar[int]
    change: SessionChanged.Change
    def __init__(self, change: _Optional[_Union[SessionChanged.Change, str]] = ...) -> None: ...

class ChatMessageAdded(_message.Message):
    __slots__ = ("number",)
    NUMBER_FIELD_NUMBER: _ClassVar[int]
    number: int
    def __init__(self, number: _Optional[int] = ...) -> None: ...
