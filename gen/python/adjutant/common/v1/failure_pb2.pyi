from adjutant.common.v1 import error_reason_pb2 as _error_reason_pb2
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class FailureDisposition(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    FAILURE_DISPOSITION_UNSPECIFIED: _ClassVar[FailureDisposition]
    FAILURE_DISPOSITION_WORK: _ClassVar[FailureDisposition]
    FAILURE_DISPOSITION_INFRASTRUCTURE: _ClassVar[FailureDisposition]
    FAILURE_DISPOSITION_PERSON: _ClassVar[FailureDisposition]
FAILURE_DISPOSITION_UNSPECIFIED: FailureDisposition
FAILURE_DISPOSITION_WORK: FailureDisposition
FAILURE_DISPOSITION_INFRASTRUCTURE: FailureDisposition
FAILURE_DISPOSITION_PERSON: FailureDisposition

class Failure(_message.Message):
    __slots__ = ("reason", "message", "disposition")
    REASON_FIELD_NUMBER: _ClassVar[int]
    MESSAGE_FIELD_NUMBER: _ClassVar[int]
    DISPOSITION_FIELD_NUMBER: _ClassVar[int]
    reason: _error_reason_pb2.ErrorReason
    message: str
    disposition: FailureDisposition
    def __init__(self, reason: _Optional[_Union[_error_reason_pb2.ErrorReason, str]] = ..., message: _Optional[str] = ..., disposition: _Optional[_Union[FailureDisposition, str]] = ...) -> None: ...
