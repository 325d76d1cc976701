import datetime

from adjutant.common.v1 import money_pb2 as _money_pb2
from adjutant.common.v1 import task_pb2 as _task_pb2
from google.protobuf import duration_pb2 as _duration_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class EstimateBasis(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    ESTIMATE_BASIS_UNSPECIFIED: _ClassVar[EstimateBasis]
    ESTIMATE_BASIS_UNKNOWN: _ClassVar[EstimateBasis]
    ESTIMATE_BASIS_COMMAND: _ClassVar[EstimateBasis]
    ESTIMATE_BASIS_AGENT: _ClassVar[EstimateBasis]
ESTIMATE_BASIS_UNSPECIFIED: EstimateBasis
ESTIMATE_BASIS_UNKNOWN: EstimateBasis
ESTIMATE_BASIS_COMMAND: EstimateBasis
ESTIMATE_BASIS_AGENT: EstimateBasis

class Estimate(_message.Message):
    __slots__ = ("sequential_duration", "parallel_duration", "costs", "known_steps", "unknown_steps")
    SEQUENTIAL_DURATION_FIELD_NUMBER: _ClassVar[int]
    PARALLEL_DURATION_FIELD_NUMBER: _ClassVar[int]
    COSTS_FIELD_NUMBER: _ClassVar[int]
    KNOWN_STEPS_FIELD_NUMBER: _ClassVar[int]
    UNKNOWN_STEPS_FIELD_NUMBER: _ClassVar[int]
    sequential_duration: _duration_pb2.Duration
    parallel_duration: _duration_pb2.Duration
    costs: _containers.RepeatedCompositeFieldContainer[_money_pb2.Money]
    known_steps: int
    unknown_steps: int
    def __init__(self, sequential_duration: _Optional[_Union[datetime.timedelta, _duration_pb2.Duration, _Mapping]] = ..., parallel_duration: _Optional[_Union[datetime.timedelta, _duration_pb2.Duration, _Mapping]] = ..., costs: _Optional[_Iterable[_Union[_money_pb2.Money, _Mapping]]] = ..., known_steps: _Optional[int] = ..., unknown_steps: _Optional[int] = ...) -> None: ...

class StepEstimate(_message.Message):
    __slots__ = ("step", "basis", "past_runs", "mean_duration", "p90_duration", "costs", "starts_after")
    STEP_FIELD_NUMBER: _ClassVar[int]
    BASIS_FIELD_NUMBER: _ClassVar[int]
    PAST_RUNS_FIELD_NUMBER: _ClassVar[int]
    MEAN_DURATION_FIELD_NUMBER: _ClassVar[int]
    P90_DURATION_FIELD_NUMBER: _ClassVar[int]
    COSTS_FIELD_NUMBER: _ClassVar[int]
    STARTS_AFTER_FIELD_NUMBER: _ClassVar[int]
    step: _task_pb2.Step
    basis: EstimateBasis
    past_runs: int
    mean_duration: _duration_pb2.Duration
    p90_duration: _duration_pb2.Duration
    costs: _containers.RepeatedCompositeFieldContainer[_money_pb2.Money]
    starts_after: _duration_pb2.Duration
    def __init__(self, step: _Optional[_Union[_task_pb2.Step, _Mapping]] = ..., basis: _Optional[_Union[EstimateBasis, str]] = ..., past_runs: _Optional[int] = ..., mean_duration: _Optional[_Union[datetime.timedelta, _duration_pb2.Duration, _Mapping]] = ..., p90_duration: _Optional[_Union[datetime.timedelta, _duration_pb2.Duration, _Mapping]] = ..., costs: _Optional[_Iterable[_Union[_money_pb2.Money, _Mapping]]] = ..., starts_after: _Optional[_Union[datetime.timedelta, _duration_pb2.Duration, _Mapping]] = ...) -> None: ...
