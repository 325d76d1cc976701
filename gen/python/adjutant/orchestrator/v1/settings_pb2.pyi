from adjutant.orchestrator.v1 import task_pb2 as _task_pb2
from buf.validate import validate_pb2 as _validate_pb2
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class Settings(_message.Message):
    __slots__ = ("approval_policy", "share_knowledge", "max_parallel_steps")
    APPROVAL_POLICY_FIELD_NUMBER: _ClassVar[int]
    SHARE_KNOWLEDGE_FIELD_NUMBER: _ClassVar[int]
    MAX_PARALLEL_STEPS_FIELD_NUMBER: _ClassVar[int]
    approval_policy: _task_pb2.ApprovalPolicy
    share_knowledge: bool
    max_parallel_steps: int
    def __init__(self, approval_policy: _Optional[_Union[_task_pb2.ApprovalPolicy, str]] = ..., share_knowledge: bool = ..., max_parallel_steps: _Optional[int] = ...) -> None: ...
