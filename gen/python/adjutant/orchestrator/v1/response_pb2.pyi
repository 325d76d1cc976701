import datetime

from adjutant.common.v1 import failure_pb2 as _failure_pb2
from adjutant.common.v1 import response_pb2 as _response_pb2
from buf.validate import validate_pb2 as _validate_pb2
from google.protobuf import timestamp_pb2 as _timestamp_pb2
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class Response(_message.Message):
    __slots__ = ("name", "question", "message", "agent", "model", "user", "state", "cancel_requested", "attempt", "queue_position", "text", "failure", "usage", "create_time", "start_time", "end_time", "expire_time", "update_time", "etag")
    NAME_FIELD_NUMBER: _ClassVar[int]
    QUESTION_FIELD_NUMBER: _ClassVar[int]
    MESSAGE_FIELD_NUMBER: _ClassVar[int]
    AGENT_FIELD_NUMBER: _ClassVar[int]
    MODEL_FIELD_NUMBER: _ClassVar[int]
    USER_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    CANCEL_REQUESTED_FIELD_NUMBER: _ClassVar[int]
    ATTEMPT_FIELD_NUMBER: _ClassVar[int]
    QUEUE_POSITION_FIELD_NUMBER: _ClassVar[int]
    TEXT_FIELD_NUMBER: _ClassVar[int]
    FAILURE_FIELD_NUMBER: _ClassVar[int]
    USAGE_FIELD_NUMBER: _ClassVar[int]
    CREATE_TIME_FIELD_NUMBER: _ClassVar[int]
    START_TIME_FIELD_NUMBER: _ClassVar[int]
    END_TIME_FIELD_NUMBER: _ClassVar[int]
    EXPIRE_TIME_FIELD_NUMBER: _ClassVar[int]
    UPDATE_TIME_FIELD_NUMBER: _ClassVar[int]
    ETAG_FIELD_NUMBER: _ClassVar[int]
    name: str
    question: str
    message: str
    agent: str
    model: str
    user: str
    state: _response_pb2.ResponseState
    cancel_requested: bool
    attempt: int
    queue_position: int
    text: str
    failure: _failure_pb2.Failure
    usage: ResponseUsage
    create_time: _timestamp_pb2.Timestamp
    start_time: _timestamp_pb2.Timestamp
    end_time: _timestamp_pb2.Timestamp
    expire_time: _timestamp_pb2.Timestamp
    update_time: _timestamp_pb2.Timestamp
    etag: str
    def __init__(self, name: _Optional[str] = ..., question: _Optional[str] = ..., message: _Optional[str] = ..., agent: _Optional[str] = ..., model: _Optional[str] = ..., user: _Optional[str] = ..., state: _Optional[_Union[_response_pb2.ResponseState, str]] = ..., cancel_requested: bool = ..., attempt: _Optional[int] = ..., queue_position: _Optional[int] = ..., text: _Optional[str] = ..., failure: _Optional[_Union[_failure_pb2.Failure, _Mapping]] = ..., usage: _Optional[_Union[ResponseUsage, _Mapping]] = ..., create_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., start_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., end_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., expire_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., update_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., etag: _Optional[str] = ...) -> None: ...

class ResponseUsage(_message.Message):
    __slots__ = ("input_tokens", "output_tokens", "cached_input_tokens")
    INPUT_TOKENS_FIELD_NUMBER: _ClassVar[int]
    OUTPUT_TOKENS_FIELD_NUMBER: _ClassVar[int]
    CACHED_INPUT_TOKENS_FIELD_NUMBER: _ClassVar[int]
    input_tokens: int
    output_tokens: int
    cached_input_tokens: int
    def __init__(self, input_tokens: _Optional[int] = ..., output_tokens: _Optional[int] = ..., cached_input_tokens: _Optional[int] = ...) -> None: ...

class ResponsePlace(_message.Message):
    __slots__ = ("attempt", "offset")
    ATTEMPT_FIELD_NUMBER: _ClassVar[int]
    OFFSET_FIELD_NUMBER: _ClassVar[int]
    attempt: int
    offset: int
    def __init__(self, attempt: _Optional[int] = ..., offset: _Optional[int] = ...) -> None: ...

class ResponseFrame(_message.Message):
    __slots__ = ("response", "place", "next", "is_partial", "delta", "reset", "waiting", "heartbeat", "ended")
    RESPONSE_FIELD_NUMBER: _ClassVar[int]
    PLACE_FIELD_NUMBER: _ClassVar[int]
    NEXT_FIELD_NUMBER: _ClassVar[int]
    IS_PARTIAL_FIELD_NUMBER: _ClassVar[int]
    DELTA_FIELD_NUMBER: _ClassVar[int]
    RESET_FIELD_NUMBER: _ClassVar[int]
    WAITING_FIELD_NUMBER: _ClassVar[int]
    HEARTBEAT_FIELD_NUMBER: _ClassVar[int]
    ENDED_FIELD_NUMBER: _ClassVar[int]
    response: str
    place: ResponsePlace
    next: ResponsePlace
    is_partial: bool
    delta: ResponseDelta
    reset: ResponseReset
    waiting: ResponseWaiting
    heartbeat: ResponseHeartbeat
    ended: Response
    def __init__(self, response: _Optional[str] = ..., place: _Optional[_Union[ResponsePlace, _Mapping]] = ..., next: _Optional[_Union[ResponsePlace, _Mapping]] = ..., is_partial: bool = ..., delta: _Optional[_Union[ResponseDelta, _Mapping]] = ..., reset: _Optional[_Union[ResponseReset, _Mapping]] = ..., waiting: _Optional[_Union[ResponseWaiting, _Mapping]] = ..., heartbeat: _Optional[_Union[ResponseHeartbeat, _Mapping]] = ..., ended: _Optional[_Union[Response, _Mapping]] = ...) -> None: ...

class ResponseDelta(_message.Message):
    __slots__ = ("text",)
    TEXT_FIELD_NUMBER: _ClassVar[int]
    text: str
    def __init__(self, text: _Optional[str] = ...) -> None: ...

class ResponseReset(_message.Message):
    __slots__ = ("reason",)
    class Reason(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
        __slots__ = ()
        REASON_UNSPECIFIED: _ClassVar[ResponseReset.Reason]
        REASON_NEW_ATTEMPT: _ClassVar[ResponseReset.Reason]
    REASON_UNSPECIFIED: ResponseReset.Reason
    REASON_NEW_ATTEMPT: ResponseReset.Reason
    REASON_FIELD_NUMBER: _ClassVar[int]
    reason: ResponseReset.Reason
    def __init__(self, reason: _Optional[_Union[ResponseReset.Reason, str]] = ...) -> None: ...

class ResponseWaiting(_message.Message):
    __slots__ = ("queue_position",)
    QUEUE_POSITION_FIELD_NUMBER: _ClassVar[int]
    queue_position: int
    def __init__(self, queue_position: _Optional[int] = ...) -> None: ...

class ResponseHeartbeat(_message.Message):
    __slots__ = ("time",)
    TIME_FIELD_NUMBER: _ClassVar[int]
    time: _timestamp_pb2.Timestamp
    def __init__(self, time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...
