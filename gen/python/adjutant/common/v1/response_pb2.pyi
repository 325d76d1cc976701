from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from typing import ClassVar as _ClassVar

DESCRIPTOR: _descriptor.FileDescriptor

class ResponseState(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    RESPONSE_STATE_UNSPECIFIED: _ClassVar[ResponseState]
    RESPONSE_STATE_QUEUED: _ClassVar[ResponseState]
    RESPONSE_STATE_STREAMING: _ClassVar[ResponseState]
    RESPONSE_STATE_COMPLETED: _ClassVar[ResponseState]
    RESPONSE_STATE_FAILED: _ClassVar[ResponseState]
    RESPONSE_STATE_CANCELLED: _ClassVar[ResponseState]
RESPONSE_STATE_UNSPECIFIED: ResponseState
RESPONSE_STATE_QUEUED: ResponseState
RESPONSE_STATE_STREAMING: ResponseState
RESPONSE_STATE_COMPLETED: ResponseState
RESPONSE_STATE_FAILED: ResponseState
RESPONSE_STATE_CANCELLED: ResponseState
