import datetime

from google.protobuf import timestamp_pb2 as _timestamp_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class ChatAuthor(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    CHAT_AUTHOR_UNSPECIFIED: _ClassVar[ChatAuthor]
    CHAT_AUTHOR_USER: _ClassVar[ChatAuthor]
    CHAT_AUTHOR_ASSISTANT: _ClassVar[ChatAuthor]
    CHAT_AUTHOR_TASK: _ClassVar[ChatAuthor]
CHAT_AUTHOR_UNSPECIFIED: ChatAuthor
CHAT_AUTHOR_USER: ChatAuthor
CHAT_AUTHOR_ASSISTANT: ChatAuthor
CHAT_AUTHOR_TASK: ChatAuthor

class ChatMessage(_message.Message):
    __slots__ = ("name", "number", "author", "text", "user", "agent", "reply_to", "response", "create_time", "task")
    NAME_FIELD_NUMBER: _ClassVar[int]
    NUMBER_FIELD_NUMBER: _ClassVar[int]
    AUTHOR_FIELD_NUMBER: _ClassVar[int]
    TEXT_FIELD_NUMBER: _ClassVar[int]
    USER_FIELD_NUMBER: _ClassVar[int]
    AGENT_FIELD_NUMBER: _ClassVar[int]
    REPLY_TO_FIELD_NUMBER: _ClassVar[int]
    RESPONSE_FIELD_NUMBER: _ClassVar[int]
    CREATE_TIME_FIELD_NUMBER: _ClassVar[int]
    TASK_FIELD_NUMBER: _ClassVar[int]
    name: str
    number: int
    author: ChatAuthor
    text: str
    user: str
    agent: str
    reply_to: str
    response: str
    create_time: _timestamp_pb2.Timestamp
    task: str
    def __init__(self, name: _Optional[str] = ..., number: _Optional[int] = ..., author: _Optional[_Union[ChatAuthor, str]] = ..., text: _Optional[str] = ..., user: _Optional[str] = ..., agent: _Optional[str] = ..., reply_to: _Optional[str] = ..., response: _Optional[str] = ..., create_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., task: _Optional[str] = ...) -> None: ...

class ChatMatch(_message.Message):
    __slots__ = ("message", "snippet", "highlights")
    MESSAGE_FIELD_NUMBER: _ClassVar[int]
    SNIPPET_FIELD_NUMBER: _ClassVar[int]
    HIGHLIGHTS_FIELD_NUMBER: _ClassVar[int]
    message: ChatMessage
    snippet: str
    highlights: _containers.RepeatedCompositeFieldContainer[TextRange]
    def __init__(self, message: _Optional[_Union[ChatMessage, _Mapping]] = ..., snippet: _Optional[str] = ..., highlights: _Optional[_Iterable[_Union[TextRange, _Mapping]]] = ...) -> None: ...

class TextRange(_message.Message):
    __slots__ = ("start", "end")
    START_FIELD_NUMBER: _ClassVar[int]
    END_FIELD_NUMBER: _ClassVar[int]
    start: int
    end: int
    def __init__(self, start: _Optional[int] = ..., end: _Optional[int] = ...) -> None: ...
