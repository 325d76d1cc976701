from adjutant.common.v1 import failure_pb2 as _failure_pb2
from adjutant.common.v1 import money_pb2 as _money_pb2
from adjutant.common.v1 import run_pb2 as _run_pb2
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class RunStateChanged(_message.Message):
    __slots__ = ("previous_state", "state", "failure", "exit_code")
    PREVIOUS_STATE_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    FAILURE_FIELD_NUMBER: _ClassVar[int]
    EXIT_CODE_FIELD_NUMBER: _ClassVar[int]
    previous_state: _run_pb2.RunState
    state: _run_pb2.RunState
    failure: _failure_pb2.Failure
    exit_code: int
    def __init__(self, previous_state: _Optional[_Union[_run_pb2.RunState, str]] = ..., state: _Optional[_Union[_run_pb2.RunState, str]] = ..., failure: _Optional[_Union[_failure_pb2.Failure, _Mapping]] = ..., exit_code: _Optional[int] = ...) -> None: ...

class RunProgress(_message.Message):
    __slots__ = ("percent", "message", "cost")
    PERCENT_FIELD_NUMBER: _ClassVar[int]
    MESSAGE_FIELD_NUMBER: _ClassVar[int]
    COST_FIELD_NUMBER: _ClassVar[int]
    percent: float
    message: str
    cost: _money_pb2.Money
    def __init__(self, percent: _Optional[float] = ..., message: _Optional[str] = ..., cost: _Optional[_Union[_money_pb2.Money, _Mapping]] = ...) -> None: ...

class RunLivenessChanged(_message.Message):
    __slots__ = ("liveness",)
    LIVENESS_FIELD_NUMBER: _ClassVar[int]
    liveness: _run_pb2.RunLiveness
    def __init__(self, liveness: _Optional[_Union[_run_pb2.RunLiveness, str]] = ...) -> None: ...
