import datetime

from adjutant.event.v1 import access_events_pb2 as _access_events_pb2
from adjutant.event.v1 import approval_events_pb2 as _approval_events_pb2
from adjutant.event.v1 import chat_events_pb2 as _chat_events_pb2
from adjutant.event.v1 import response_events_pb2 as _response_events_pb2
from adjutant.event.v1 import run_events_pb2 as _run_events_pb2
from adjutant.event.v1 import schedule_events_pb2 as _schedule_events_pb2
from adjutant.event.v1 import task_events_pb2 as _task_events_pb2
from adjutant.event.v1 import usage_events_pb2 as _usage_events_pb2
from google.protobuf import timestamp_pb2 as _timestamp_pb2
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class EventKind(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    EVENT_KIND_UNSPECIFIED: _ClassVar[EventKind]
    EVENT_KIND_TASK_STATE_CHANGED: _ClassVar[EventKind]
    EVENT_KIND_TASK_PROGRESS: _ClassVar[EventKind]
    EVENT_KIND_STEP_STATE_CHANGED: _ClassVar[EventKind]
    EVENT_KIND_APPROVAL_REQUESTED: _ClassVar[EventKind]
    EVENT_KIND_APPROVAL_RESOLVED: _ClassVar[EventKind]
    EVENT_KIND_RUN_STATE_CHANGED: _ClassVar[EventKind]
    EVENT_KIND_RUN_PROGRESS: _ClassVar[EventKind]
    EVENT_KIND_RUN_LIVENESS_CHANGED: _ClassVar[EventKind]
    EVENT_KIND_ACCESS_CHANGED: _ClassVar[EventKind]
    EVENT_KIND_AUDIT_RECORDED: _ClassVar[EventKind]
    EVENT_KIND_APPROVAL_EXPIRING: _ClassVar[EventKind]
    EVENT_KIND_SCHEDULE_TICKED: _ClassVar[EventKind]
    EVENT_KIND_SCHEDULE_CHANGED: _ClassVar[EventKind]
    EVENT_KIND_SESSION_CHANGED: _ClassVar[EventKind]
    EVENT_KIND_CHAT_MESSAGE_ADDED: _ClassVar[EventKind]
    EVENT_KIND_BUDGET_WARNED: _ClassVar[EventKind]
    EVENT_KIND_BUDGET_EXHAUSTED: _ClassVar[EventKind]
    EVENT_KIND_USAGE_RECORDED: _ClassVar[EventKind]
    EVENT_KIND_TASK_MOVED: _ClassVar[EventKind]
    EVENT_KIND_TASK_MESSAGE_RECEIVED: _ClassVar[EventKind]
    EVENT_KIND_TASK_MESSAGE_DELIVERED: _ClassVar[EventKind]
    EVENT_KIND_TASK_MESSAGE_DISCARDED: _ClassVar[EventKind]
    EVENT_KIND_RESPONSE_STATE_CHANGED: _ClassVar[EventKind]
EVENT_KIND_UNSPECIFIED: EventKind
EVENT_KIND_TASK_STATE_CHANGED: EventKind
EVENT_KIND_TASK_PROGRESS: EventKind
EVENT_KIND_STEP_STATE_CHANGED: EventKind
EVENT_KIND_APPROVAL_REQUESTED: EventKind
EVENT_KIND_APPROVAL_RESOLVED: EventKind
EVENT_KIND_RUN_STATE_CHANGED: EventKind
EVENT_KIND_RUN_PROGRESS: EventKind
EVENT_KIND_RUN_LIVENESS_CHANGED: EventKind
EVENT_KIND_ACCESS_CHANGED: EventKind
EVENT_KIND_AUDIT_RECORDED: EventKind
EVENT_KIND_APPROVAL_EXPIRING: EventKind
EVENT_KIND_SCHEDULE_TICKED: EventKind
EVENT_KIND_SCHEDULE_CHANGED: EventKind
EVENT_KIND_SESSION_CHANGED: EventKind
EVENT_KIND_CHAT_MESSAGE_ADDED: EventKind
EVENT_KIND_BUDGET_WARNED: EventKind
EVENT_KIND_BUDGET_EXHAUSTED: EventKind
EVENT_KIND_USAGE_RECORDED: EventKind
EVENT_KIND_TASK_MOVED: EventKind
EVENT_KIND_TASK_MESSAGE_RECEIVED: EventKind
EVENT_KIND_TASK_MESSAGE_DELIVERED: EventKind
EVENT_KIND_TASK_MESSAGE_DISCARDED: EventKind
EVENT_KIND_RESPONSE_STATE_CHANGED: EventKind

class Event(_message.Message):
    __slots__ = ("event_id", "kind", "time", "resource", "task", "task_state_changed", "task_progress", "step_state_changed", "approval_requested", "approval_resolved", "run_state_changed", "run_progress", "run_liveness_changed", "access_changed", "audit_recorded", "approval_expiring", "schedule_ticked", "schedule_changed", "session_changed", "chat_message_added", "budget_warned", "budget_exhausted", "usage_recorded", "task_moved", "task_message_received", "task_message_delivered", "task_message_discarded", "response_state_changed")
    EVENT_ID_FIELD_NUMBER: _ClassVar[int]
    KIND_FIELD_NUMBER: _ClassVar[int]
    TIME_FIELD_NUMBER: _ClassVar[int]
    RESOURCE_FIELD_NUMBER: _ClassVar[int]
    TASK_FIELD_NUMBER: _ClassVar[int]
    TASK_STATE_CHANGED_FIELD_NUMBER: _ClassVar[int]
    TASK_PROGRESS_FIELD_NUMBER: _ClassVar[int]
    STEP_STATE_CHANGED_FIELD_NUMBER: _ClassVar[int]
    APPROVAL_REQUESTED_FIELD_NUMBER: _ClassVar[int]
    APPROVAL_RESOLVED_FIELD_NUMBER: _ClassVar[int]
    RUN_STATE_CHANGED_FIELD_NUMBER: _ClassVar[int]
    RUN_PROGRESS_FIELD_NUMBER: _ClassVar[int]
    RUN_LIVENESS_CHANGED_FIELD_NUMBER: _ClassVar[int]
    ACCESS_CHANGED_FIELD_NUMBER: _ClassVar[int]
    AUDIT_RECORDED_FIELD_NUMBER: _ClassVar[int]
    APPROVAL_EXPIRING_FIELD_NUMBER: _ClassVar[int]
    SCHEDULE_TICKED_FIELD_NUMBER: _ClassVar[int]
    SCHEDULE_CHANGED_FIELD_NUMBER: _ClassVar[int]
    SESSION_CHANGED_FIELD_NUMBER: _ClassVar[int]
    CHAT_MESSAGE_ADDED_FIELD_NUMBER: _ClassVar[int]
    BUDGET_WARNED_FIELD_NUMBER: _ClassVar[int]
    BUDGET_EXHAUSTED_FIELD_NUMBER: _ClassVar[int]
    USAGE_RECORDED_FIELD_NUMBER: _ClassVar[int]
    TASK_MOVED_FIELD_NUMBER: _ClassVar[int]
    TASK_MESSAGE_RECEIVED_FIELD_NUMBER: _ClassVar[int]
    TASK_MESSAGE_DELIVERED_FIELD_NUMBER: _ClassVar[int]
    TASK_MESSAGE_DISCARDED_FIELD_NUMBER: _ClassVar[int]
    RESPONSE_STATE_CHANGED_FIELD_NUMBER: _ClassVar[int]
    event_id: str
    kind: EventKind
    time: _timestamp_pb2.Timestamp
    resource: str
    task: str
    task_state_changed: _task_events_pb2.TaskStateChanged
    task_progress: _task_events_pb2.TaskProgress
    step_state_changed: _task_events_pb2.StepStateChanged
    approval_requested: _approval_events_pb2.ApprovalRequested
    approval_resolved: _approval_events_pb2.ApprovalResolved
    run_state_changed: _run_events_pb2.RunStateChanged
    run_progress: _run_events_pb2.RunProgress
    run_liveness_changed: _run_events_pb2.RunLivenessChanged
    access_changed: _access_events_pb2.AccessChanged
    audit_recorded: _access_events_pb2.AuditRecorded
    approval_expiring: _approval_events_pb2.ApprovalExpiring
    schedule_ticked: _schedule_events_pb2.ScheduleTicked
    schedule_changed: _schedule_events_pb2.ScheduleChanged
    session_changed: _chat_events_pb2.SessionChanged
    chat_message_added: _chat_events_pb2.ChatMessageAdded
    budget_warned: _usage_events_pb2.BudgetWarned
    budget_exhausted: _usage_events_pb2.BudgetExhausted
    usage_recorded: _usage_events_pb2.UsageRecorded
    task_moved: _task_events_pb2.TaskMoved
    task_message_received: _task_events_pb2.TaskMessageReceived
    task_message_delivered: _task_events_pb2.TaskMessageDelivered
    task_message_discarded: _task_events_pb2.TaskMessageDiscarded
    response_state_changed: _response_events_pb2.ResponseStateChanged
    def __init__(self, event_id: _Optional[str] = ..., kind: _Optional[_Union[EventKind, str]] = ..., time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., resource: _Optional[str] = ..., task: _Optional[str] = ..., task_state_changed: _Optional[_Union[_task_events_pb2.TaskStateChanged, _Mapping]] = ..., task_progress: _Optional[_Union[_task_events_pb2.TaskProgress, _Mapping]] = ..., step_state_changed: _Optional[_Union[_task_events_pb2.StepStateChanged, _Mapping]] = ..., approval_requested: _Optional[_Union[_approval_events_pb2.ApprovalRequested, _Mapping]] = ..., approval_resolved: _Optional[_Union[_approval_events_pb2.ApprovalResolved, _Mapping]] = ..., run_state_changed: _Optional[_Union[_run_events_pb2.RunStateChanged, _Mapping]] = ..., run_progress: _Optional[_Union[_run_events_pb2.RunProgress, _Mapping]] = ..., run_liveness_changed: _Optional[_Union[_run_events_pb2.RunLivenessChanged, _Mapping]] = ..., access_changed: _Optional[_Union[_access_events_pb2.AccessChanged, _Mapping]] = ..., audit_recorded: _Optional[_Union[_access_events_pb2.AuditRecorded, _Mapping]] = ..., approval_expiring: _Optional[_Union[_approval_events_pb2.ApprovalExpiring, _Mapping]] = ..., schedule_ticked: _Optional[_Union[_schedule_events_pb2.ScheduleTicked, _Mapping]] = ..., schedule_changed: _Optional[_Union[_schedule_events_pb2.ScheduleChanged, _Mapping]] = ..., session_changed: _Optional[_Union[_chat_events_pb2.SessionChanged, _Mapping]] = ..., chat_message_added: _Optional[_Union[_chat_events_pb2.ChatMessageAdded, _Mapping]] = ..., budget_warned: _Optional[_Union[_usage_events_pb2.BudgetWarned, _Mapping]] = ..., budget_exhausted: _Optional[_Union[_usage_events_pb2.BudgetExhausted, _Mapping]] = ..., usage_recorded: _Optional[_Union[_usage_events_pb2.UsageRecorded, _Mapping]] = ..., task_moved: _Optional[_Union[_task_events_pb2.TaskMoved, _Mapping]] = ..., task_message_received: _Optional[_Union[_task_events_pb2.TaskMessageReceived, _Mapping]] = ..., task_message_delivered: _Optional[_Union[_task_events_pb2.TaskMessageDelivered, _Mapping]] = ..., task_message_discarded: _Optional[_Union[_task_events_pb2.TaskMessageDiscarded, _Mapping]] = ..., response_state_changed: _Optional[_Union[_response_events_pb2.ResponseStateChanged, _Mapping]] = ...) -> None: ...
