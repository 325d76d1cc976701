from adjutant.common.v1 import failure_pb2 as _failure_pb2
from adjutant.common.v1 import task_pb2 as _task_pb2
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class TaskStateChanged(_message.Message):
    __slots__ = ("previous_state", "state", "title", "failure", "commit", "partial_success")
    PREVIOUS_STATE_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    TITLE_FIELD_NUMBER: _ClassVar[int]
    FAILURE_FIELD_NUMBER: _ClassVar[int]
    COMMIT_FIELD_NUMBER: _ClassVar[int]
    PARTIAL_SUCCESS_FIELD_NUMBER: _ClassVar[int]
    previous_state: _task_pb2.TaskState
    state: _task_pb2.TaskState
    title: str
    failure: _failure_pb2.Failure
    commit: _task_pb2.Commit
    partial_success: bool
    def __init__(self, previous_state: _Optional[_Union[_task_pb2.TaskState, str]] = ..., state: _Optional[_Union[_task_pb2.TaskState, str]] = ..., title: _Optional[str] = ..., failure: _Optional[_Union[_failure_pb2.Failure, _Mapping]] = ..., commit: _Optional[_Union[_task_pb2.Commit, _Mapping]] = ..., partial_success: bool = ...) -> None: ...

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
