import datetime

from adjutant.common.v1 import failure_pb2 as _failure_pb2
from adjutant.common.v1 import money_pb2 as _money_pb2
from adjutant.common.v1 import result_pb2 as _result_pb2
from google.protobuf import duration_pb2 as _duration_pb2
from google.protobuf import timestamp_pb2 as _timestamp_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class TaskState(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    TASK_STATE_UNSPECIFIED: _ClassVar[TaskState]
    TASK_STATE_QUEUED: _ClassVar[TaskState]
    TASK_STATE_ORCHESTRATING: _ClassVar[TaskState]
    TASK_STATE_WAITING_FOR_AGENT: _ClassVar[TaskState]
    TASK_STATE_WAITING_FOR_USER: _ClassVar[TaskState]
    TASK_STATE_CANCELLING: _ClassVar[TaskState]
    TASK_STATE_COMPLETED: _ClassVar[TaskState]
    TASK_STATE_FAILED: _ClassVar[TaskState]
    TASK_STATE_CANCELLED: _ClassVar[TaskState]

class GraphNode(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    GRAPH_NODE_UNSPECIFIED: _ClassVar[GraphNode]
    GRAPH_NODE_DECOMPOSE: _ClassVar[GraphNode]
    GRAPH_NODE_PLAN: _ClassVar[GraphNode]
    GRAPH_NODE_EXECUTE: _ClassVar[GraphNode]
    GRAPH_NODE_EVALUATE: _ClassVar[GraphNode]
    GRAPH_NODE_GIT_OPERATIONS: _ClassVar[GraphNode]

class StepState(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    STEP_STATE_UNSPECIFIED: _ClassVar[StepState]
    STEP_STATE_PENDING: _ClassVar[StepState]
    STEP_STATE_RUNNING: _ClassVar[StepState]
    STEP_STATE_SUCCEEDED: _ClassVar[StepState]
    STEP_STATE_FAILED: _ClassVar[StepState]
    STEP_STATE_SKIPPED: _ClassVar[StepState]
    STEP_STATE_CANCELLED: _ClassVar[StepState]
TASK_STATE_UNSPECIFIED: TaskState
TASK_STATE_QUEUED: TaskState
TASK_STATE_ORCHESTRATING: TaskState
TASK_STATE_WAITING_FOR_AGENT: TaskState
TASK_STATE_WAITING_FOR_USER: TaskState
TASK_STATE_CANCELLING: TaskState
TASK_STATE_COMPLETED: TaskState
TASK_STATE_FAILED: TaskState
TASK_STATE_CANCELLED: TaskState
GRAPH_NODE_UNSPECIFIED: GraphNode
GRAPH_NODE_DECOMPOSE: GraphNode
GRAPH_NODE_PLAN: GraphNode
GRAPH_NODE_EXECUTE: GraphNode
GRAPH_NODE_EVALUATE: GraphNode
GRAPH_NODE_GIT_OPERATIONS: GraphNode
STEP_STATE_UNSPECIFIED: StepState
STEP_STATE_PENDING: StepState
STEP_STATE_RUNNING: StepState
STEP_STATE_SUCCEEDED: StepState
STEP_STATE_FAILED: StepState
STEP_STATE_SKIPPED: StepState
STEP_STATE_CANCELLED: StepState

class Progress(_message.Message):
    __slots__ = ("node", "goal_index", "goal_count", "steps_done", "step_count", "message")
    NODE_FIELD_NUMBER: _ClassVar[int]
    GOAL_INDEX_FIELD_NUMBER: _ClassVar[int]
    GOAL_COUNT_FIELD_NUMBER: _ClassVar[int]
    STEPS_DONE_FIELD_NUMBER: _ClassVar[int]
    STEP_COUNT_FIELD_NUMBER: _ClassVar[int]
    MESSAGE_FIELD_NUMBER: _ClassVar[int]
    node: GraphNode
    goal_index: int
    goal_count: int
    steps_done: int
    step_count: int
    message: str
    def __init__(self, node: _Optional[_Union[GraphNode, str]] = ..., goal_index: _Optional[int] = ..., goal_count: _Optional[int] = ..., steps_done: _Optional[int] = ..., step_count: _Optional[int] = ..., message: _Optional[str] = ...) -> None: ...

class Step(_message.Message):
    __slots__ = ("number", "title", "goal_index", "agent", "command_line", "verify_command", "after", "timeout", "state", "attempt", "run", "failure", "changed_files", "start_time", "end_time", "breaking", "iterations", "waived", "omitted", "gives", "takes", "results", "retry_limit", "retry_time", "costs")
    NUMBER_FIELD_NUMBER: _ClassVar[int]
    TITLE_FIELD_NUMBER: _ClassVar[int]
    GOAL_INDEX_FIELD_NUMBER: _ClassVar[int]
    AGENT_FIELD_NUMBER: _ClassVar[int]
    COMMAND_LINE_FIELD_NUMBER: _ClassVar[int]
    VERIFY_COMMAND_FIELD_NUMBER: _ClassVar[int]
    AFTER_FIELD_NUMBER: _ClassVar[int]
    TIMEOUT_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    ATTEMPT_FIELD_NUMBER: _ClassVar[int]
    RUN_FIELD_NUMBER: _ClassVar[int]
    FAILURE_FIELD_NUMBER: _ClassVar[int]
    CHANGED_FILES_FIELD_NUMBER: _ClassVar[int]
    START_TIME_FIELD_NUMBER: _ClassVar[int]
    END_TIME_FIELD_NUMBER: _ClassVar[int]
    BREAKING_FIELD_NUMBER: _ClassVar[int]
    ITERATIONS_FIELD_NUMBER: _ClassVar[int]
    WAIVED_FIELD_NUMBER: _ClassVar[int]
    OMITTED_FIELD_NUMBER: _ClassVar[int]
    GIVES_FIELD_NUMBER: _ClassVar[int]
    TAKES_FIELD_NUMBER: _ClassVar[int]
    RESULTS_FIELD_NUMBER: _ClassVar[int]
    RETRY_LIMIT_FIELD_NUMBER: _ClassVar[int]
    RETRY_TIME_FIELD_NUMBER: _ClassVar[int]
    COSTS_FIELD_NUMBER: _ClassVar[int]
    number: int
    title: str
    goal_index: int
    agent: str
    command_line: str
    verify_command: str
    after: _containers.RepeatedScalarFieldContainer[int]
    timeout: _duration_pb2.Duration
    state: StepState
    attempt: int
    run: str
    failure: _failure_pb2.Failure
    changed_files: _containers.RepeatedScalarFieldContainer[str]
    start_time: _timestamp_pb2.Timestamp
    end_time: _timestamp_pb2.Timestamp
    breaking: bool
    iterations: int
    waived: bool
    omitted: bool
    gives: _containers.RepeatedCompositeFieldContainer[_result_pb2.ResultDeclaration]
    takes: _containers.RepeatedCompositeFieldContainer[_result_pb2.ResultSource]
    results: _containers.RepeatedCompositeFieldContainer[_result_pb2.Result]
    retry_limit: int
    retry_time: _timestamp_pb2.Timestamp
    costs: _containers.RepeatedCompositeFieldContainer[_money_pb2.Money]
    def __init__(self, number: _Optional[int] = ..., title: _Optional[str] = ..., goal_index: _Optional[int] = ..., agent: _Optional[str] = ..., command_line: _Optional[str] = ..., verify_command: _Optional[str] = ..., after: _Optional[_Iterable[int]] = ..., timeout: _Optional[_Union[datetime.timedelta, _duration_pb2.Duration, _Mapping]] = ..., state: _Optional[_Union[StepState, str]] = ..., attempt: _Optional[int] = ..., run: _Optional[str] = ..., failure: _Optional[_Union[_failure_pb2.Failure, _Mapping]] = ..., changed_files: _Optional[_Iterable[str]] = ..., start_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., end_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., breaking: bool = ..., iterations: _Optional[int] = ..., waived: bool = ..., omitted: bool = ..., gives: _Optional[_Iterable[_Union[_result_pb2.ResultDeclaration, _Mapping]]] = ..., takes: _Optional[_Iterable[_Union[_result_pb2.ResultSource, _Mapping]]] = ..., results: _Optional[_Iterable[_Union[_result_pb2.Result, _Mapping]]] = ..., retry_limit: _Optional[int] = ..., retry_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., costs: _Optional[_Iterable[_Union[_money_pb2.Money, _Mapping]]] = ...) -> None: ...

class Commit(_message.Message):
    __slots__ = ("sha", "branch", "repository_uri")
    SHA_FIELD_NUMBER: _ClassVar[int]
    BRANCH_FIELD_NUMBER: _ClassVar[int]
    REPOSITORY_URI_FIELD_NUMBER: _ClassVar[int]
    sha: str
    branch: str
    repository_uri: str
    def __init__(self, sha: _Optional[str] = ..., branch: _Optional[str] = ..., repository_uri: _Optional[str] = ...) -> None: ...
