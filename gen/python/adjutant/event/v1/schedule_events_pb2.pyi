import datetime

from adjutant.common.v1 import failure_pb2 as _failure_pb2
from adjutant.common.v1 import schedule_pb2 as _schedule_pb2
from google.protobuf import timestamp_pb2 as _timestamp_pb2
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class ScheduleTicked(_message.Message):
    __slots__ = ("tick_time", "outcome", "task", "failure", "missed_count")
    TICK_TIME_FIELD_NUMBER: _ClassVar[int]
    OUTCOME_FIELD_NUMBER: _ClassVar[int]
    TASK_FIELD_NUMBER: _ClassVar[int]
    FAILURE_FIELD_NUMBER: _ClassVar[int]
    MISSED_COUNT_FIELD_NUMBER: _ClassVar[int]
    tick_time: _timestamp_pb2.Timestamp
    outcome: _schedule_pb2.TickOutcome
    task: str
    failure: _failure_pb2.Failure
    missed_count: int
    def __init__(self, tick_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., outcome: _Optional[_Union[_schedule_pb2.TickOutcome, str]] = ..., task: _Optional[str] = ..., failure: _Optional[_Union[_failure_pb2.Failure, _Mapping]] = ..., missed_count: _Optional[int] = ...) -> None: ...

class ScheduleChanged(_message.Message):
    __slots__ = ("change", "next_time")
    class Change(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
        __slots__ = ()
        CHANGE_UNSPECIFIED: _ClassVar[ScheduleChanged.Change]
        CHANGE_CREATED: _ClassVar[ScheduleChanged.Change]
        CHANGE_UPDATED: _ClassVar[ScheduleChanged.Change]
        CHANGE_DELETED: _ClassVar[ScheduleChanged.Change]
    CHANGE_UNSPECIFIED: ScheduleChanged.Change
    CHANGE_CREATED: ScheduleChanged.Change
    CHANGE_UPDATED: ScheduleChanged.Change
    CHANGE_DELETED: ScheduleChanged.Change
    CHANGE_FIELD_NUMBER: _ClassVar[int]
    NEXT_TIME_FIELD_NUMBER: _ClassVar[int]
    change: ScheduleChanged.Change
    next_time: _timestamp_pb2.Timestamp
    def __init__(self, change: _Optional[_Union[ScheduleChanged.Change, str]] = ..., next_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...
