from buf.validate import validate_pb2 as _validate_pb2
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class ResultType(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    RESULT_TYPE_UNSPECIFIED: _ClassVar[ResultType]
    RESULT_TYPE_TEXT: _ClassVar[ResultType]
    RESULT_TYPE_INTEGER: _ClassVar[ResultType]
    RESULT_TYPE_NUMBER: _ClassVar[ResultType]
    RESULT_TYPE_BOOLEAN: _ClassVar[ResultType]
    RESULT_TYPE_FILE: _ClassVar[ResultType]
RESULT_TYPE_UNSPECIFIED: ResultType
RESULT_TYPE_TEXT: ResultType
RESULT_TYPE_INTEGER: ResultType
RESULT_TYPE_NUMBER: ResultType
RESULT_TYPE_BOOLEAN: ResultType
RESULT_TYPE_FILE: ResultType

class ResultDeclaration(_message.Message):
    __slots__ = ("name", "type")
    NAME_FIELD_NUMBER: _ClassVar[int]
    TYPE_FIELD_NUMBER: _ClassVar[int]
    name: str
    type: ResultType
    def __init__(self, name: _Optional[str] = ..., type: _Optional[_Union[ResultType, str]] = ...) -> None: ...

class Result(_message.Message):
    __slots__ = ("name", "type", "size_bytes", "sha256")
    NAME_FIELD_NUMBER: _ClassVar[int]
    TYPE_FIELD_NUMBER: _ClassVar[int]
    SIZE_BYTES_FIELD_NUMBER: _ClassVar[int]
    SHA256_FIELD_NUMBER: _ClassVar[int]
    name: str
    type: ResultType
    size_bytes: int
    sha256: str
    def __init__(self, name: _Optional[str] = ..., type: _Optional[_Union[ResultType, str]] = ..., size_bytes: _Optional[int] = ..., sha256: _Optional[str] = ...) -> None: ...

class ResultSource(_message.Message):
    __slots__ = ("name", "step")
    NAME_FIELD_NUMBER: _ClassVar[int]
    STEP_FIELD_NUMBER: _ClassVar[int]
    name: str
    step: int
    def __init__(self, name: _Optional[str] = ..., step: _Optional[int] = ...) -> None: ...
