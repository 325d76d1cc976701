import datetime

from adjutant.common.v1 import failure_pb2 as _failure_pb2
from adjutant.common.v1 import money_pb2 as _money_pb2
from adjutant.common.v1 import result_pb2 as _result_pb2
from adjutant.common.v1 import run_pb2 as _run_pb2
from buf.validate import validate_pb2 as _validate_pb2
from google.protobuf import duration_pb2 as _duration_pb2
from google.protobuf import timestamp_pb2 as _timestamp_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class Run(_message.Message):
    __slots__ = ("name", "state", "spec", "liveness", "heartbeat_time", "percent", "message", "process_group", "exit_code", "failure", "base_sha", "changed_files", "artifacts", "commit_sha", "create_time", "update_time", "start_time", "end_time", "etag", "requester", "results", "cost")
    NAME_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    SPEC_FIELD_NUMBER: _ClassVar[int]
    LIVENESS_FIELD_NUMBER: _ClassVar[int]
    HEARTBEAT_TIME_FIELD_NUMBER: _ClassVar[int]
    PERCENT_FIELD_NUMBER: _ClassVar[int]
    MESSAGE_FIELD_NUMBER: _ClassVar[int]
    PROCESS_GROUP_FIELD_NUMBER: _ClassVar[int]
    EXIT_CODE_FIELD_NUMBER: _ClassVar[int]
    FAILURE_FIELD_NUMBER: _ClassVar[int]
    BASE_SHA_FIELD_NUMBER: _ClassVar[int]
    CHANGED_FILES_FIELD_NUMBER: _ClassVar[int]
    ARTIFACTS_FIELD_NUMBER: _ClassVar[int]
    COMMIT_SHA_FIELD_NUMBER: _ClassVar[int]
    CREATE_TIME_FIELD_NUMBER: _ClassVar[int]
    UPDATE_TIME_FIELD_NUMBER: _ClassVar[int]
    START_TIME_FIELD_NUMBER: _ClassVar[int]
    END_TIME_FIELD_NUMBER: _ClassVar[int]
    ETAG_FIELD_NUMBER: _ClassVar[int]
    REQUESTER_FIELD_NUMBER: _ClassVar[int]
    RESULTS_FIELD_NUMBER: _ClassVar[int]
    COST_FIELD_NUMBER: _ClassVar[int]
    name: str
    state: _run_pb2.RunState
    spec: RunSpec
    liveness: _run_pb2.RunLiveness
    heartbeat_time: _timestamp_pb2.Timestamp
    percent: float
    message: str
    process_group: int
    exit_code: int
    failure: _failure_pb2.Failure
    base_sha: str
    changed_files: _containers.RepeatedScalarFieldContainer[str]
    artifacts: _containers.RepeatedCompositeFieldContainer[Artifact]
    commit_sha: str
    create_time: _timestamp_pb2.Timestamp
    update_time: _timestamp_pb2.Timestamp
    start_time: _timestamp_pb2.Timestamp
    end_time: _timestamp_pb2.Timestamp
    etag: str
    requester: str
    results: _containers.RepeatedCompositeFieldContainer[_result_pb2.Result]
    cost: _money_pb2.Money
    def __init__(self, name: _Optional[str] = ..., state: _Optional[_Union[_run_pb2.RunState, str]] = ..., spec: _Optional[_Union[RunSpec, _Mapping]] = ..., liveness: _Optional[_Union[_run_pb2.RunLiveness, str]] = ..., heartbeat_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., percent: _Optional[float] = ..., message: _Optional[str] = ..., process_group: _Optional[int] = ..., exit_code: _Optional[int] = ..., failure: _Optional[_Union[_failure_pb2.Failure, _Mapping]] = ..., base_sha: _Optional[str] = ..., changed_files: _Optional[_Iterable[str]] = ..., artifacts: _Optional[_Iterable[_Union[Artifact, _Mapping]]] = ..., commit_sha: _Optional[str] = ..., create_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., update_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., start_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., end_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., etag: _Optional[str] = ..., requester: _Optional[str] = ..., results: _Optional[_Iterable[_Union[_result_pb2.Result, _Mapping]]] = ..., cost: _Optional[_Union[_money_pb2.Money, _Mapping]] = ...) -> None: ...

class RunSpec(_message.Message):
    __slots__ = ("agent", "command_line", "verify_command", "timeout", "workspace", "commit", "task", "last_message", "results", "inputs")
    AGENT_FIELD_NUMBER: _ClassVar[int]
    COMMAND_LINE_FIELD_NUMBER: _ClassVar[int]
    VERIFY_COMMAND_FIELD_NUMBER: _ClassVar[int]
    TIMEOUT_FIELD_NUMBER: _ClassVar[int]
    WORKSPACE_FIELD_NUMBER: _ClassVar[int]
    COMMIT_FIELD_NUMBER: _ClassVar[int]
    TASK_FIELD_NUMBER: _ClassVar[int]
    LAST_MESSAGE_FIELD_NUMBER: _ClassVar[int]
    RESULTS_FIELD_NUMBER: _ClassVar[int]
    INPUTS_FIELD_NUMBER: _ClassVar[int]
    agent: str
    command_line: str
    verify_command: str
    timeout: _duration_pb2.Duration
    workspace: Workspace
    commit: CommitSpec
    task: str
    last_message: int
    results: _containers.RepeatedCompositeFieldContainer[_result_pb2.ResultDeclaration]
    inputs: _containers.RepeatedCompositeFieldContainer[RunInput]
    def __init__(self, agent: _Optional[str] = ..., command_line: _Optional[str] = ..., verify_command: _Optional[str] = ..., timeout: _Optional[_Union[datetime.timedelta, _duration_pb2.Duration, _Mapping]] = ..., workspace: _Optional[_Union[Workspace, _Mapping]] = ..., commit: _Optional[_Union[CommitSpec, _Mapping]] = ..., task: _Optional[str] = ..., last_message: _Optional[int] = ..., results: _Optional[_Iterable[_Union[_result_pb2.ResultDeclaration, _Mapping]]] = ..., inputs: _Optional[_Iterable[_Union[RunInput, _Mapping]]] = ...) -> None: ...

class RunInput(_message.Message):
    __slots__ = ("name", "run", "sha256")
    NAME_FIELD_NUMBER: _ClassVar[int]
    RUN_FIELD_NUMBER: _ClassVar[int]
    SHA256_FIELD_NUMBER: _ClassVar[int]
    name: str
    run: str
    sha256: str
    def __init__(self, name: _Optional[str] = ..., run: _Optional[str] = ..., sha256: _Optional[str] = ...) -> None: ...

class Workspace(_message.Message):
    __slots__ = ("repository_uri", "revision", "patch_runs")
    REPOSITORY_URI_FIELD_NUMBER: _ClassVar[int]
    REVISION_FIELD_NUMBER: _ClassVar[int]
    PATCH_RUNS_FIELD_NUMBER: _ClassVar[int]
    repository_uri: str
    revision: str
    patch_runs: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, repository_uri: _Optional[str] = ..., revision: _Optional[str] = ..., patch_runs: _Optional[_Iterable[str]] = ...) -> None: ...

class CommitSpec(_message.Message):
    __slots__ = ("branch", "message", "time")
    BRANCH_FIELD_NUMBER: _ClassVar[int]
    MESSAGE_FIELD_NUMBER: _ClassVar[int]
    TIME_FIELD_NUMBER: _ClassVar[int]
    branch: str
    message: str
    time: _timestamp_pb2.Timestamp
    def __init__(self, branch: _Optional[str] = ..., message: _Optional[str] = ..., time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...

class Artifact(_message.Message):
    __slots__ = ("artifact_id", "size_bytes", "sha256")
    ARTIFACT_ID_FIELD_NUMBER: _ClassVar[int]
    SIZE_BYTES_FIELD_NUMBER: _ClassVar[int]
    SHA256_FIELD_NUMBER: _ClassVar[int]
    artifact_id: str
    size_bytes: int
    sha256: str
    def __init__(self, artifact_id: _Optional[str] = ..., size_bytes: _Optional[int] = ..., sha256: _Optional[str] = ...) -> None: ...
