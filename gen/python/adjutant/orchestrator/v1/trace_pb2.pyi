import datetime

from adjutant.common.v1 import failure_pb2 as _failure_pb2
from adjutant.common.v1 import money_pb2 as _money_pb2
from google.protobuf import timestamp_pb2 as _timestamp_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class TraceSource(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    TRACE_SOURCE_UNSPECIFIED: _ClassVar[TraceSource]
    TRACE_SOURCE_RECORDED: _ClassVar[TraceSource]
    TRACE_SOURCE_MLFLOW: _ClassVar[TraceSource]

class TraceStopReason(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    TRACE_STOP_REASON_UNSPECIFIED: _ClassVar[TraceStopReason]
    TRACE_STOP_REASON_END: _ClassVar[TraceStopReason]
    TRACE_STOP_REASON_TOOL_CALLS: _ClassVar[TraceStopReason]
    TRACE_STOP_REASON_LENGTH: _ClassVar[TraceStopReason]
    TRACE_STOP_REASON_FILTERED: _ClassVar[TraceStopReason]

class TraceRole(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    TRACE_ROLE_UNSPECIFIED: _ClassVar[TraceRole]
    TRACE_ROLE_SYSTEM: _ClassVar[TraceRole]
    TRACE_ROLE_USER: _ClassVar[TraceRole]
    TRACE_ROLE_ASSISTANT: _ClassVar[TraceRole]
    TRACE_ROLE_TOOL: _ClassVar[TraceRole]
TRACE_SOURCE_UNSPECIFIED: TraceSource
TRACE_SOURCE_RECORDED: TraceSource
TRACE_SOURCE_MLFLOW: TraceSource
TRACE_STOP_REASON_UNSPECIFIED: TraceStopReason
TRACE_STOP_REASON_END: TraceStopReason
TRACE_STOP_REASON_TOOL_CALLS: TraceStopReason
TRACE_STOP_REASON_LENGTH: TraceStopReason
TRACE_STOP_REASON_FILTERED: TraceStopReason
TRACE_ROLE_UNSPECIFIED: TraceRole
TRACE_ROLE_SYSTEM: TraceRole
TRACE_ROLE_USER: TraceRole
TRACE_ROLE_ASSISTANT: TraceRole
TRACE_ROLE_TOOL: TraceRole

class Trace(_message.Message):
    __slots__ = ("name", "session", "message", "response", "task", "agent", "principal", "model_call_count", "tool_call_count", "failed_call_count", "usage", "cost", "source", "start_time", "end_time", "expire_time", "mlflow_trace_id", "export_time", "export_failure", "create_time", "update_time")
    NAME_FIELD_NUMBER: _ClassVar[int]
    SESSION_FIELD_NUMBER: _ClassVar[int]
    MESSAGE_FIELD_NUMBER: _ClassVar[int]
    RESPONSE_FIELD_NUMBER: _ClassVar[int]
    TASK_FIELD_NUMBER: _ClassVar[int]
    AGENT_FIELD_NUMBER: _ClassVar[int]
    PRINCIPAL_FIELD_NUMBER: _ClassVar[int]
    MODEL_CALL_COUNT_FIELD_NUMBER: _ClassVar[int]
    TOOL_CALL_COUNT_FIELD_NUMBER: _ClassVar[int]
    FAILED_CALL_COUNT_FIELD_NUMBER: _ClassVar[int]
    USAGE_FIELD_NUMBER: _ClassVar[int]
    COST_FIELD_NUMBER: _ClassVar[int]
    SOURCE_FIELD_NUMBER: _ClassVar[int]
    START_TIME_FIELD_NUMBER: _ClassVar[int]
    END_TIME_FIELD_NUMBER: _ClassVar[int]
    EXPIRE_TIME_FIELD_NUMBER: _ClassVar[int]
    MLFLOW_TRACE_ID_FIELD_NUMBER: _ClassVar[int]
    EXPORT_TIME_FIELD_NUMBER: _ClassVar[int]
    EXPORT_FAILURE_FIELD_NUMBER: _ClassVar[int]
    CREATE_TIME_FIELD_NUMBER: _ClassVar[int]
    UPDATE_TIME_FIELD_NUMBER: _ClassVar[int]
    name: str
    session: str
    message: str
    response: str
    task: str
    agent: str
    principal: str
    model_call_count: int
    tool_call_count: int
    failed_call_count: int
    usage: TraceUsage
    cost: _money_pb2.Money
    source: TraceSource
    start_time: _timestamp_pb2.Timestamp
    end_time: _timestamp_pb2.Timestamp
    expire_time: _timestamp_pb2.Timestamp
    mlflow_trace_id: str
    export_time: _timestamp_pb2.Timestamp
    export_failure: _failure_pb2.Failure
    create_time: _timestamp_pb2.Timestamp
    update_time: _timestamp_pb2.Timestamp
    def __init__(self, name: _Optional[str] = ..., session: _Optional[str] = ..., message: _Optional[str] = ..., response: _Optional[str] = ..., task: _Optional[str] = ..., agent: _Optional[str] = ..., principal: _Optional[str] = ..., model_call_count: _Optional[int] = ..., tool_call_count: _Optional[int] = ..., failed_call_count: _Optional[int] = ..., usage: _Optional[_Union[TraceUsage, _Mapping]] = ..., cost: _Optional[_Union[_money_pb2.Money, _Mapping]] = ..., source: _Optional[_Union[TraceSource, str]] = ..., start_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., end_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., expire_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., mlflow_trace_id: _Optional[str] = ..., export_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., export_failure: _Optional[_Union[_failure_pb2.Failure, _Mapping]] = ..., create_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., update_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...

class TraceCall(_message.Message):
    __slots__ = ("name", "model_call", "tool_call", "source", "failure", "cancelled", "start_time", "first_token_time", "end_time")
    NAME_FIELD_NUMBER: _ClassVar[int]
    MODEL_CALL_FIELD_NUMBER: _ClassVar[int]
    TOOL_CALL_FIELD_NUMBER: _ClassVar[int]
    SOURCE_FIELD_NUMBER: _ClassVar[int]
    FAILURE_FIELD_NUMBER: _ClassVar[int]
    CANCELLED_FIELD_NUMBER: _ClassVar[int]
    START_TIME_FIELD_NUMBER: _ClassVar[int]
    FIRST_TOKEN_TIME_FIELD_NUMBER: _ClassVar[int]
    END_TIME_FIELD_NUMBER: _ClassVar[int]
    name: str
    model_call: TracedModelCall
    tool_call: TracedToolCall
    source: TraceSource
    failure: _failure_pb2.Failure
    cancelled: bool
    start_time: _timestamp_pb2.Timestamp
    first_token_time: _timestamp_pb2.Timestamp
    end_time: _timestamp_pb2.Timestamp
    def __init__(self, name: _Optional[str] = ..., model_call: _Optional[_Union[TracedModelCall, _Mapping]] = ..., tool_call: _Optional[_Union[TracedToolCall, _Mapping]] = ..., source: _Optional[_Union[TraceSource, str]] = ..., failure: _Optional[_Union[_failure_pb2.Failure, _Mapping]] = ..., cancelled: bool = ..., start_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., first_token_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., end_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...

class TracedModelCall(_message.Message):
    __slots__ = ("provider", "model", "selection_reason", "messages", "omitted_message_count", "tool_names", "answer", "requested_calls", "stop_reason", "usage", "usage_estimated", "cost", "answering_model")
    PROVIDER_FIELD_NUMBER: _ClassVar[int]
    MODEL_FIELD_NUMBER: _ClassVar[int]
    SELECTION_REASON_FIELD_NUMBER: _ClassVar[int]
    MESSAGES_FIELD_NUMBER: _ClassVar[int]
    OMITTED_MESSAGE_COUNT_FIELD_NUMBER: _ClassVar[int]
    TOOL_NAMES_FIELD_NUMBER: _ClassVar[int]
    ANSWER_FIELD_NUMBER: _ClassVar[int]
    REQUESTED_CALLS_FIELD_NUMBER: _ClassVar[int]
    STOP_REASON_FIELD_NUMBER: _ClassVar[int]
    USAGE_FIELD_NUMBER: _ClassVar[int]
    USAGE_ESTIMATED_FIELD_NUMBER: _ClassVar[int]
    COST_FIELD_NUMBER: _ClassVar[int]
    ANSWERING_MODEL_FIELD_NUMBER: _ClassVar[int]
    provider: str
    model: str
    selection_reason: str
    messages: _containers.RepeatedCompositeFieldContainer[TracedMessage]
    omitted_message_count: int
    tool_names: _containers.RepeatedScalarFieldContainer[str]
    answer: TracedText
    requested_calls: _containers.RepeatedCompositeFieldContainer[RequestedCall]
    stop_reason: TraceStopReason
    usage: TraceUsage
    usage_estimated: bool
    cost: _money_pb2.Money
    answering_model: str
    def __init__(self, provider: _Optional[str] = ..., model: _Optional[str] = ..., selection_reason: _Optional[str] = ..., messages: _Optional[_Iterable[_Union[TracedMessage, _Mapping]]] = ..., omitted_message_count: _Optional[int] = ..., tool_names: _Optional[_Iterable[str]] = ..., answer: _Optional[_Union[TracedText, _Mapping]] = ..., requested_calls: _Optional[_Iterable[_Union[RequestedCall, _Mapping]]] = ..., stop_reason: _Optional[_Union[TraceStopReason, str]] = ..., usage: _Optional[_Union[TraceUsage, _Mapping]] = ..., usage_estimated: bool = ..., cost: _Optional[_Union[_money_pb2.Money, _Mapping]] = ..., answering_model: _Optional[str] = ...) -> None: ...

class TracedMessage(_message.Message):
    __slots__ = ("role", "text", "requested_calls", "requested_call_id")
    ROLE_FIELD_NUMBER: _ClassVar[int]
    TEXT_FIELD_NUMBER: _ClassVar[int]
    REQUESTED_CALLS_FIELD_NUMBER: _ClassVar[int]
    REQUESTED_CALL_ID_FIELD_NUMBER: _ClassVar[int]
    role: TraceRole
    text: TracedText
    requested_calls: _containers.RepeatedCompositeFieldContainer[RequestedCall]
    requested_call_id: str
    def __init__(self, role: _Optional[_Union[TraceRole, str]] = ..., text: _Optional[_Union[TracedText, _Mapping]] = ..., requested_calls: _Optional[_Iterable[_Union[RequestedCall, _Mapping]]] = ..., requested_call_id: _Optional[str] = ...) -> None: ...

class RequestedCall(_message.Message):
    __slots__ = ("id", "tool", "arguments")
    ID_FIELD_NUMBER: _ClassVar[int]
    TOOL_FIELD_NUMBER: _ClassVar[int]
    ARGUMENTS_FIELD_NUMBER: _ClassVar[int]
    id: str
    tool: str
    arguments: TracedText
    def __init__(self, id: _Optional[str] = ..., tool: _Optional[str] = ..., arguments: _Optional[_Union[TracedText, _Mapping]] = ...) -> None: ...

class TracedToolCall(_message.Message):
    __slots__ = ("tool", "requested_call_id", "arguments", "result")
    TOOL_FIELD_NUMBER: _ClassVar[int]
    REQUESTED_CALL_ID_FIELD_NUMBER: _ClassVar[int]
    ARGUMENTS_FIELD_NUMBER: _ClassVar[int]
    RESULT_FIELD_NUMBER: _ClassVar[int]
    tool: str
    requested_call_id: str
    arguments: TracedText
    result: TracedText
    def __init__(self, tool: _Optional[str] = ..., requested_call_id: _Optional[str] = ..., arguments: _Optional[_Union[TracedText, _Mapping]] = ..., result: _Optional[_Union[TracedText, _Mapping]] = ...) -> None: ...

class TracedText(_message.Message):
    __slots__ = ("text", "size_bytes", "truncated")
    TEXT_FIELD_NUMBER: _ClassVar[int]
    SIZE_BYTES_FIELD_NUMBER: _ClassVar[int]
    TRUNCATED_FIELD_NUMBER: _ClassVar[int]
    text: str
    size_bytes: int
    truncated: bool
    def __init__(self, text: _Optional[str] = ..., size_bytes: _Optional[int] = ..., truncated: bool = ...) -> None: ...

class TraceUsage(_message.Message):
    __slots__ = ("input_tokens", "cached_input_tokens", "output_tokens")
    INPUT_TOKENS_FIELD_NUMBER: _ClassVar[int]
    CACHED_INPUT_TOKENS_FIELD_NUMBER: _ClassVar[int]
    OUTPUT_TOKENS_FIELD_NUMBER: _ClassVar[int]
    input_tokens: int
    cached_input_tokens: int
    output_tokens: int
    def __init__(self, input_tokens: _Optional[int] = ..., cached_input_tokens: _Optional[int] = ..., output_tokens: _Optional[int] = ...) -> None: ...
