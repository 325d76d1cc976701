import datetime

from adjutant.common.v1 import failure_pb2 as _failure_pb2
from adjutant.common.v1 import schedule_pb2 as _schedule_pb2
from adjutant.orchestrator.v1 import task_service_pb2 as _task_service_pb2
from buf.validate import validate_pb2 as _validate_pb2
from google.protobuf import timestamp_pb2 as _timestamp_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class MissedTickPolicy(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    MISSED_TICK_POLICY_UNSPECIFIED: _ClassVar[MissedTickPolicy]
    MISSED_TICK_POLICY_RUN_ONCE: _ClassVar[MissedTickPolicy]
    MISSED_TICK_POLICY_SKIP: _ClassVar[MissedTickPolicy]

class OverlapPolicy(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    OVERLAP_POLICY_UNSPECIFIED: _ClassVar[OverlapPolicy]
    OVERLAP_POLICY_SKIP: _ClassVar[OverlapPolicy]
    OVERLAP_POLICY_ALLOW: _ClassVar[OverlapPolicy]
MISSED_TICK_POLICY_UNSPECIFIED: MissedTickPolicy
MISSED_TICK_POLICY_RUN_ONCE: MissedTickPolicy
MISSED_TICK_POLICY_SKIP: MissedTickPolicy
OVERLAP_POLICY_UNSPECIFIED: OverlapPolicy
OVERLAP_POLICY_SKIP: OverlapPolicy
OVERLAP_POLICY_ALLOW: OverlapPolicy

class Schedule(_message.Message):
    __slots__ = ("name", "display_name", "cron", "time_zone", "task", "missed_tick_policy", "overlap_policy", "paused", "next_time", "upcoming_times", "last_time", "last_outcome", "last_task", "last_failure", "creator", "create_time", "update_time", "etag")
    NAME_FIELD_NUMBER: _ClassVar[int]
    DISPLAY_NAME_FIELD_NUMBER: _ClassVar[int]
    CRON_FIELD_NUMBER: _ClassVar[int]
    TIME_ZONE_FIELD_NUMBER: _ClassVar[int]
    TASK_FIELD_NUMBER: _ClassVar[int]
    MISSED_TICK_POLICY_FIELD_NUMBER: _ClassVar[int]
    OVERLAP_POLICY_FIELD_NUMBER: _ClassVar[int]
    PAUSED_FIELD_NUMBER: _ClassVar[int]
    NEXT_TIME_FIELD_NUMBER: _ClassVar[int]
    UPCOMING_TIMES_FIELD_NUMBER: _ClassVar[int]
    LAST_TIME_FIELD_NUMBER: _ClassVar[int]
    LAST_OUTCOME_FIELD_NUMBER: _ClassVar[int]
    LAST_TASK_FIELD_NUMBER: _ClassVar[int]
    LAST_FAILURE_FIELD_NUMBER: _ClassVar[int]
    CREATOR_FIELD_NUMBER: _ClassVar[int]
    CREATE_TIME_FIELD_NUMBER: _ClassVar[int]
    UPDATE_TIME_FIELD_NUMBER: _ClassVar[int]
    ETAG_FIELD_NUMBER: _ClassVar[int]
    name: str
    display_name: str
    cron: str
    time_zone: str
    task: _task_service_pb2.SubmitTaskRequest
    missed_tick_policy: MissedTickPolicy
    overlap_policy: OverlapPolicy
    paused: bool
    next_time: _timestamp_pb2.Timestamp
    upcoming_times: _containers.RepeatedCompositeFieldContainer[_timestamp_pb2.Timestamp]
    last_time: _timestamp_pb2.Timestamp
    last_outcome: _schedule_pb2.TickOutcome
    last_task: str
    last_failure: _failure_pb2.Failure
    creator: str
    create_time: _timestamp_pb2.Timestamp
    update_time: _timestamp_pb2.Timestamp
    etag: str
    def __init__(self, name: _Optional[str] = ..., display_name: _Optional[str] = ..., cron: _Optional[str] = ..., time_zone: _Optional[str] = ..., task: _Optional[_Union[_task_service_pb2.SubmitTaskRequest, _Mapping]] = ..., missed_tick_policy: _Optional[_Union[MissedTickPolicy, str]] = ..., overlap_policy: _Optional[_Union[OverlapPolicy, str]] = ..., paused: bool = ..., next_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., upcoming_times: _Optional[_Iterable[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]]] = ..., last_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., last_outcome: _Optional[_Union[_schedule_pb2.TickOutcome, str]] = ..., last_task: _Optional[str] = ..., last_failure: _Optional[_Union[_failure_pb2.Failure, _Mapping]] = ..., creator: _Optional[str] = ..., create_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., update_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., etag: _Optional[str] = ...) -> None: ...
