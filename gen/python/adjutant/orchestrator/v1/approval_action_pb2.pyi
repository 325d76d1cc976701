from adjutant.common.v1 import approval_pb2 as _approval_pb2
from adjutant.common.v1 import failure_pb2 as _failure_pb2
from adjutant.common.v1 import money_pb2 as _money_pb2
from buf.validate import validate_pb2 as _validate_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class ApprovalAction(_message.Message):
    __slots__ = ("commit", "plan", "tool", "escalation")
    COMMIT_FIELD_NUMBER: _ClassVar[int]
    PLAN_FIELD_NUMBER: _ClassVar[int]
    TOOL_FIELD_NUMBER: _ClassVar[int]
    ESCALATION_FIELD_NUMBER: _ClassVar[int]
    commit: CommitAction
    plan: PlanAction
    tool: ToolAction
    escalation: EscalationAction
    def __init__(self, commit: _Optional[_Union[CommitAction, _Mapping]] = ..., plan: _Optional[_Union[PlanAction, _Mapping]] = ..., tool: _Optional[_Union[ToolAction, _Mapping]] = ..., escalation: _Optional[_Union[EscalationAction, _Mapping]] = ...) -> None: ...

class CommitAction(_message.Message):
    __slots__ = ("repository_uri", "base_sha", "branch", "message", "patches", "changed_files")
    REPOSITORY_URI_FIELD_NUMBER: _ClassVar[int]
    BASE_SHA_FIELD_NUMBER: _ClassVar[int]
    BRANCH_FIELD_NUMBER: _ClassVar[int]
    MESSAGE_FIELD_NUMBER: _ClassVar[int]
    PATCHES_FIELD_NUMBER: _ClassVar[int]
    CHANGED_FILES_FIELD_NUMBER: _ClassVar[int]
    repository_uri: str
    base_sha: str
    branch: str
    message: str
    patches: _containers.RepeatedCompositeFieldContainer[PatchReference]
    changed_files: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, repository_uri: _Optional[str] = ..., base_sha: _Optional[str] = ..., branch: _Optional[str] = ..., message: _Optional[str] = ..., patches: _Optional[_Iterable[_Union[PatchReference, _Mapping]]] = ..., changed_files: _Optional[_Iterable[str]] = ...) -> None: ...

class PatchReference(_message.Message):
    __slots__ = ("run", "sha256")
    RUN_FIELD_NUMBER: _ClassVar[int]
    SHA256_FIELD_NUMBER: _ClassVar[int]
    run: str
    sha256: str
    def __init__(self, run: _Optional[str] = ..., sha256: _Optional[str] = ...) -> None: ...

class PlanAction(_message.Message):
    __slots__ = ("steps", "complexity", "plan_digest")
    STEPS_FIELD_NUMBER: _ClassVar[int]
    COMPLEXITY_FIELD_NUMBER: _ClassVar[int]
    PLAN_DIGEST_FIELD_NUMBER: _ClassVar[int]
    steps: _containers.RepeatedCompositeFieldContainer[PlannedStep]
    complexity: _approval_pb2.Complexity
    plan_digest: str
    def __init__(self, steps: _Optional[_Iterable[_Union[PlannedStep, _Mapping]]] = ..., complexity: _Optional[_Union[_approval_pb2.Complexity, str]] = ..., plan_digest: _Optional[str] = ...) -> None: ...

class PlannedStep(_message.Message):
    __slots__ = ("number", "title", "after", "agent", "command_line", "verify_command")
    NUMBER_FIELD_NUMBER: _ClassVar[int]
    TITLE_FIELD_NUMBER: _ClassVar[int]
    AFTER_FIELD_NUMBER: _ClassVar[int]
    AGENT_FIELD_NUMBER: _ClassVar[int]
    COMMAND_LINE_FIELD_NUMBER: _ClassVar[int]
    VERIFY_COMMAND_FIELD_NUMBER: _ClassVar[int]
    number: int
    title: str
    after: _containers.RepeatedScalarFieldContainer[int]
    agent: str
    command_line: str
    verify_command: str
    def __init__(self, number: _Optional[int] = ..., title: _Optional[str] = ..., after: _Optional[_Iterable[int]] = ..., agent: _Optional[str] = ..., command_line: _Optional[str] = ..., verify_command: _Optional[str] = ...) -> None: ...

class ToolAction(_message.Message):
    __slots__ = ("tool_name", "summary", "arguments")
    TOOL_NAME_FIELD_NUMBER: _ClassVar[int]
    SUMMARY_FIELD_NUMBER: _ClassVar[int]
    ARGUMENTS_FIELD_NUMBER: _ClassVar[int]
    tool_name: str
    summary: str
    arguments: _containers.RepeatedCompositeFieldContainer[ToolArgument]
    def __init__(self, tool_name: _Optional[str] = ..., summary: _Optional[str] = ..., arguments: _Optional[_Iterable[_Union[ToolArgument, _Mapping]]] = ...) -> None: ...

class ToolArgument(_message.Message):
    __slots__ = ("name", "value")
    NAME_FIELD_NUMBER: _ClassVar[int]
    VALUE_FIELD_NUMBER: _ClassVar[int]
    name: str
    value: str
    def __init__(self, name: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...

class EscalationAction(_message.Message):
    __slots__ = ("kind", "context", "choices", "commit")
    KIND_FIELD_NUMBER: _ClassVar[int]
    CONTEXT_FIELD_NUMBER: _ClassVar[int]
    CHOICES_FIELD_NUMBER: _ClassVar[int]
    COMMIT_FIELD_NUMBER: _ClassVar[int]
    kind: _approval_pb2.EscalationKind
    context: EscalationContext
    choices: _containers.RepeatedCompositeFieldContainer[EscalationChoice]
    commit: CommitAction
    def __init__(self, kind: _Optional[_Union[_approval_pb2.EscalationKind, str]] = ..., context: _Optional[_Union[EscalationContext, _Mapping]] = ..., choices: _Optional[_Iterable[_Union[EscalationChoice, _Mapping]]] = ..., commit: _Optional[_Union[CommitAction, _Mapping]] = ...) -> None: ...

class EscalationContext(_message.Message):
    __slots__ = ("message", "step_number", "step_title", "run", "iterations", "failure", "costs", "cost_limit")
    MESSAGE_FIELD_NUMBER: _ClassVar[int]
    STEP_NUMBER_FIELD_NUMBER: _ClassVar[int]
    STEP_TITLE_FIELD_NUMBER: _ClassVar[int]
    RUN_FIELD_NUMBER: _ClassVar[int]
    ITERATIONS_FIELD_NUMBER: _ClassVar[int]
    FAILURE_FIELD_NUMBER: _ClassVar[int]
    COSTS_FIELD_NUMBER: _ClassVar[int]
    COST_LIMIT_FIELD_NUMBER: _ClassVar[int]
    message: str
    step_number: int
    step_title: str
    run: str
    iterations: int
    failure: _failure_pb2.Failure
    costs: _containers.RepeatedCompositeFieldContainer[_money_pb2.Money]
    cost_limit: _money_pb2.Money
    def __init__(self, message: _Optional[str] = ..., step_number: _Optional[int] = ..., step_title: _Optional[str] = ..., run: _Optional[str] = ..., iterations: _Optional[int] = ..., failure: _Optional[_Union[_failure_pb2.Failure, _Mapping]] = ..., costs: _Optional[_Iterable[_Union[_money_pb2.Money, _Mapping]]] = ..., cost_limit: _Optional[_Union[_money_pb2.Money, _Mapping]] = ...) -> None: ...

class EscalationChoice(_message.Message):
    __slots__ = ("choice_id", "title")
    CHOICE_ID_FIELD_NUMBER: _ClassVar[int]
    TITLE_FIELD_NUMBER: _ClassVar[int]
    choice_id: str
    title: str
    def __init__(self, choice_id: _Optional[str] = ..., title: _Optional[str] = ...) -> None: ...
