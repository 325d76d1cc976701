from adjutant.common.v1 import failure_pb2 as _failure_pb2
from adjutant.common.v1 import queue_pb2 as _queue_pb2
from adjutant.common.v1 import task_pb2 as _task_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class TaskStateChanged(_message.Message):
    __slots__ = ("previous_state", "state", "title", "failure", "commit", "partial_success", "queue", "rank")
    PREVIOUS_STATE_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    TITLE_FIELD_NUMBER: _ClassVar[int]
    FAILURE_FIELD_NUMBER: _ClassVar[int]
    COMMIT_FIELD_NUMBER: _ClassVar[int]
    PARTIAL_SUCCESS_FIELD_NUMBER: _ClassVar[int]
    QUEUE_FIELD_NUMBER: _ClassVar[int]
    RANK_FIELD_NUMBER: _ClassVar[int]
    previous_state: _task_pb2.TaskState
    state: _task_pb2.TaskState
    title: str
    failure: _failure_pb2.Failure
    commit: _task_pb2.Commit
    partial_success: bool
    queue: _queue_pb2.TaskQueue
    rank: str
    def __init__(self, previous_state: _Optional[_Union[_task_pb2.TaskState, str]] = ..., state: _Optional[_Union[_task_pb2.TaskState, str]] = ..., title: _Optional[str] = ..., failure: _Optional[_Union[_failure_pb2.Failure, _Mapping]] = ..., commit: _Optional[_Union[_task_pb2.Commit, _Mapping]] = ..., partial_success: bool = ..., queue: _Optional[_Union[_queue_pb2.TaskQueue, str]] = ..., rank: _Optional[str] = ...) -> None: ...

class TaskMoved(_message.Message):
    __slots__ = ("previous_queue", "queue", "rank", "title")
    PREVIOUS_QUEUE_FIELD_NUMBER: _ClassVar[int]
    QUEUE_FIELD_NUMBER: _ClassVar[int]
    RANK_FIELD_NUMBER: _ClassVar[int]
    TITLE_FIELD_NUMBER: _ClassVar[int]
    previous_queue: _queue_pb2.TaskQueue
    queue: _queue_pb2.TaskQueue
    rank: str
    title: str
    def __init__(self, previous_queue: _Optional[_Union[_queue_pb2.TaskQueue, str]] = ..., queue: _Optional[_Union[_queue_pb2.TaskQueue, str]] = ..., rank: _Optional[str] = ..., title: _Optional[str] = ...) -> None: ...

class TaskMessageReceived(_message.Message):
    __slots__ = ("number", "sender", "excerpt", "steps_added")
    NUMBER_FIELD_NUMBER: _ClassVar[int]
    SENDER_FIELD_NUMBER: _ClassVar[int]
    EXCERPT_FIELD_NUMBER: _ClassVar[int]
    STEPS_ADDED_FIELD_NUMBER: _ClassVar[int]
    number: int
    sender: str
    excerpt: str
    steps_added: _containers.RepeatedScalarFieldContainer[int]
    def __init__(self, number: _Optional[int] = ..., sender: _Optional[str] = ..., excerpt: _Optional[str] = ..., steps_added: _Optional[_Iterable[int]] = ...) -> None: ...

class TaskMessageDelivered(_message.Message):
    __slots__ = ("number", "task_attempt", "pass_number", "steps_added")
    NUMBER_FIELD_NUMBER: _ClassVar[int]
    TASK_ATTEMPT_FIELD_NUMBER: _ClassVar[int]
    PASS_NUMBER_FIELD_NUMBER: _ClassVar[int]
    STEPS_ADDED_FIELD_NUMBER: _ClassVar[int]
    number: int
    task_attempt: int
    pass_number: int
    steps_added: _containers.RepeatedScalarFieldContainer[int]
    def __init__(self, number: _Optional[int] = ..., task_attempt: _Optional[int] = ..., pass_number: _Optional[int] = ..., steps_added: _Optional[_Iterable[int]] = ...) -> None: ...

class TaskMessageDiscarded(_message.Message):
    __slots__ = ("number",)
    NUMBER_FIELD_NUMBER: _ClassVar[int]
    number: int
    def __init__(self, number: _Optional[int] = ...) -> None: ...

class TaskProgress(_message.Message):
    __slots__ = ("progress",)
    PROGRESS_FIELD_NUMBER: _ClassVar[int]
    progress: _task_pb2.Progress
    def __init__(self, progress: _Optional[_Union[_task_pb2.Progress, _Mapping]] = ...) -> None: ...

class StepStateChanged(_message.Message):
    __slots__ = ("previous_state", "step")
    PREVIOUS_STATE_FIELD_NUMBER: _ClassVar[int]
    STEP_FIELD_NUMBER: _ClassVar[int]
    previous_state: _task_pb2.StepState
    step: _task_pb2.Step
    def __init__(self, previous_state: _Optional[_Union[_task_pb2.StepState, str]] = ..., step: _Optional[_Union[_task_pb2.Step, _Mapping]] = ...) -> None: ...
