from adjutant.common.v1 import failure_pb2 as _failure_pb2
from adjutant.common.v1 import response_pb2 as _response_pb2
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class ResponseStateChanged(_message.Message):
    __slots__ = ("state", "attempt", "failure")
    STATE_FIELD_NUMBER: _ClassVar[int]
    ATTEMPT_FIELD_NUMBER: _ClassVar[int]
    FAILURE_FIELD_NUMBER: _ClassVar[int]
    state: _response_pb2.ResponseState
    attempt: int
    failure: _failure_pb2.Failure
    def __init__(self, state: _Optional[_Union[_response_pb2.ResponseState, str]] = ..., attempt: _Optional[int] = ..., failure: _Optional[_Union[_failure_pb2.Failure, _Mapping]] = ...) -> None: ...
