from adjutant.common.v1 import access_pb2 as _access_pb2
from adjutant.common.v1 import approval_pb2 as _approval_pb2
from adjutant.common.v1 import queue_pb2 as _queue_pb2
from adjutant.event.v1 import frame_pb2 as _frame_pb2
from adjutant.orchestrator.v1 import estimate_pb2 as _estimate_pb2
from adjutant.orchestrator.v1 import task_pb2 as _task_pb2
from buf.validate import validate_pb2 as _validate_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class SubmitTaskRequest(_message.Message):
    __slots__ = ("parent", "request_id", "title", "instructions", "repository", "approval_policy", "escalation_policy", "max_parallel_steps", "failure_policy", "queue")
    PARENT_FIELD_NUMBER: _ClassVar[int]
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    TITLE_FIELD_NUMBER: _ClassVar[int]
    INSTRUCTIONS_FIELD_NUMBER: _ClassVar[int]
    REPOSITORY_FIELD_NUMBER: _ClassVar[int]
    APPROVAL_POLICY_FIELD_NUMBER: _ClassVar[int]
    ESCALATION_POLICY_FIELD_NUMBER: _ClassVar[int]
    MAX_PARALLEL_STEPS_FIELD_NUMBER: _ClassVar[int]
    FAILURE_POLICY_FIELD_NUMBER: _ClassVar[int]
    QUEUE_FIELD_NUMBER: _ClassVar[int]
    parent: str
    request_id: str
    title: str
    instructions: str
    repository: _task_pb2.Repository
    approval_policy: _task_pb2.ApprovalPolicy
    escalation_policy: _approval_pb2.EscalationPolicy
    max_parallel_steps: int
    failure_policy: _task_pb2.FailurePolicy
    queue: _queue_pb2.TaskQueue
    def __init__(self, parent: _Optional[str] = ..., request_id: _Optional[str] = ..., title: _Optional[str] = ..., instructions: _Optional[str] = ..., repository: _Optional[_Union[_task_pb2.Repository, _Mapping]] = ..., approval_policy: _Optional[_Union[_task_pb2.ApprovalPolicy, str]] = ..., escalation_policy: _Optional[_Union[_approval_pb2.EscalationPolicy, str]] = ..., max_parallel_steps: _Optional[int] = ..., failure_policy: _Optional[_Union[_task_pb2.FailurePolicy, str]] = ..., queue: _Optional[_Union[_queue_pb2.TaskQueue, str]] = ...) -> None: ...

class SubmitTaskResponse(_message.Message):
    __slots__ = ("task",)
    TASK_FIELD_NUMBER: _ClassVar[int]
    task: _task_pb2.Task
    def __init__(self, task: _Optional[_Union[_task_pb2.Task, _Mapping]] = ...) -> None: ...

class EstimateTaskRequest(_message.Message):
    __slots__ = ("parent", "title", "instructions", "max_parallel_steps")
    PARENT_FIELD_NUMBER: _ClassVar[int]
    TITLE_FIELD_NUMBER: _ClassVar[int]
    INSTRUCTIONS_FIELD_NUMBER: _ClassVar[int]
    MAX_PARALLEL_STEPS_FIELD_NUMBER: _ClassVar[int]
    parent: str
    title: str
    instructions: str
    max_parallel_steps: int
    def __init__(self, parent: _Optional[str] = ..., title: _Optional[str] = ..., instructions: _Optional[str] = ..., max_parallel_steps: _Optional[int] = ...) -> None: ...

class EstimateTaskResponse(_message.Message):
    __slots__ = ("title", "goals", "steps", "estimate", "complexity", "max_parallel_steps", "plan_cached")
    TITLE_FIELD_NUMBER: _ClassVar[int]
    GOALS_FIELD_NUMBER: _ClassVar[int]
    STEPS_FIELD_NUMBER: _ClassVar[int]
    ESTIMATE_FIELD_NUMBER: _ClassVar[int]
    COMPLEXITY_FIELD_NUMBER: _ClassVar[int]
    MAX_PARALLEL_STEPS_FIELD_NUMBER: _ClassVar[int]
    PLAN_CACHED_FIELD_NUMBER: _ClassVar[int]
    title: str
    goals: _containers.RepeatedCompositeFieldContainer[_task_pb2.Goal]
    steps: _containers.RepeatedCompositeFieldContainer[_estimate_pb2.StepEstimate]
    estimate: _estimate_pb2.Estimate
    complexity: int
    max_parallel_steps: int
    plan_cached: bool
    def __init__(self, title: _Optional[str] = ..., goals: _Optional[_Iterable[_Union[_task_pb2.Goal, _Mapping]]] = ..., steps: _Optional[_Iterable[_Union[_estimate_pb2.StepEstimate, _Mapping]]] = ..., estimate: _Optional[_Union[_estimate_pb2.Estimate, _Mapping]] = ..., complexity: _Optional[int] = ..., max_parallel_steps: _Optional[int] = ..., plan_cached: bool = ...) -> None: ...

class GetTaskRequest(_message.Message):
    __slots__ = ("name",)
    NAME_FIELD_NUMBER: _ClassVar[int]
    name: str
    def __init__(self, name: _Optional[str] = ...) -> None: ...

class GetTaskResponse(_message.Message):
    __slots__ = ("task",)
    TASK_FIELD_NUMBER: _ClassVar[int]
    task: _task_pb2.Task
    def __init__(self, task: _Optional[_Union[_task_pb2.Task, _Mapping]] = ...) -> None: ...

class ListTasksRequest(_message.Message):
    __slots__ = ("parent", "page_size", "page_token", "filter", "order_by")
    PARENT_FIELD_NUMBER: _ClassVar[int]
    PAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    FILTER_FIELD_NUMBER: _ClassVar[int]
    ORDER_BY_FIELD_NUMBER: _ClassVar[int]
    parent: str
    page_size: int
    page_token: str
    filter: str
    order_by: str
    def __init__(self, parent: _Optional[str] = ..., page_size: _Optional[int] = ..., page_token: _Optional[str] = ..., filter: _Optional[str] = ..., order_by: _Optional[str] = ...) -> None: ...

class ListTasksResponse(_message.Message):
    __slots__ = ("tasks", "next_page_token")
    TASKS_FIELD_NUMBER: _ClassVar[int]
    NEXT_PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    tasks: _containers.RepeatedCompositeFieldContainer[_task_pb2.Task]
    next_page_token: str
    def __init__(self, tasks: _Optional[_Iterable[_Union[_task_pb2.Task, _Mapping]]] = ..., next_page_token: _Optional[str] = ...) -> None: ...

class CancelTaskRequest(_message.Message):
    __slots__ = ("name",)
    NAME_FIELD_NUMBER: _ClassVar[int]
    name: str
    def __init__(self, name: _Optional[str] = ...) -> None: ...

class CancelTaskResponse(_message.Message):
    __slots__ = ("task",)
    TASK_FIELD_NUMBER: _ClassVar[int]
    task: _task_pb2.Task
    def __init__(self, task: _Optional[_Union[_task_pb2.Task, _Mapping]] = ...) -> None: ...

class RetryTaskRequest(_message.Message):
    __slots__ = ("name", "request_id")
    NAME_FIELD_NUMBER: _ClassVar[int]
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    name: str
    request_id: str
    def __init__(self, name: _Optional[str] = ..., request_id: _Optional[str] = ...) -> None: ...

class RetryTaskResponse(_message.Message):
    __slots__ = ("task",)
    TASK_FIELD_NUMBER: _ClassVar[int]
    task: _task_pb2.Task
    def __init__(self, task: _Optional[_Union[_task_pb2.Task, _Mapping]] = ...) -> None: ...

class WatchTaskRequest(_message.Message):
    __slots__ = ("name", "cursor")
    NAME_FIELD_NUMBER: _ClassVar[int]
    CURSOR_FIELD_NUMBER: _ClassVar[int]
    name: str
    cursor: str
    def __init__(self, name: _Optional[str] = ..., cursor: _Optional[str] = ...) -> None: ...

class WatchTaskResponse(_message.Message):
    __slots__ = ("frame",)
    FRAME_FIELD_NUMBER: _ClassVar[int]
    frame: _frame_pb2.EventFrame
    def __init__(self, frame: _Optional[_Union[_frame_pb2.EventFrame, _Mapping]] = ...) -> None: ...
