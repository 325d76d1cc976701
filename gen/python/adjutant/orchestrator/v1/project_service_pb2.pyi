from adjutant.common.v1 import access_pb2 as _access_pb2
from adjutant.orchestrator.v1 import connection_pb2 as _connection_pb2
from adjutant.orchestrator.v1 import project_pb2 as _project_pb2
from adjutant.orchestrator.v1 import task_pb2 as _task_pb2
from buf.validate import validate_pb2 as _validate_pb2
from google.protobuf import field_mask_pb2 as _field_mask_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class CreateProjectRequest(_message.Message):
    __slots__ = ("parent", "request_id", "project_id", "project")
    PARENT_FIELD_NUMBER: _ClassVar[int]
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    PROJECT_ID_FIELD_NUMBER: _ClassVar[int]
    PROJECT_FIELD_NUMBER: _ClassVar[int]
    parent: str
    request_id: str
    project_id: str
    project: _project_pb2.Project
    def __init__(self, parent: _Optional[str] = ..., request_id: _Optional[str] = ..., project_id: _Optional[str] = ..., project: _Optional[_Union[_project_pb2.Project, _Mapping]] = ...) -> None: ...

class CreateProjectResponse(_message.Message):
    __slots__ = ("project",)
    PROJECT_FIELD_NUMBER: _ClassVar[int]
    project: _project_pb2.Project
    def __init__(self, project: _Optional[_Union[_project_pb2.Project, _Mapping]] = ...) -> None: ...

class GetProjectRequest(_message.Message):
    __slots__ = ("name",)
    NAME_FIELD_NUMBER: _ClassVar[int]
    name: str
    def __init__(self, name: _Optional[str] = ...) -> None: ...

class GetProjectResponse(_message.Message):
    __slots__ = ("project",)
    PROJECT_FIELD_NUMBER: _ClassVar[int]
    project: _project_pb2.Project
    def __init__(self, project: _Optional[_Union[_project_pb2.Project, _Mapping]] = ...) -> None: ...

class ListProjectsRequest(_message.Message):
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

class ListProjectsResponse(_message.Message):
    __slots__ = ("projects", "next_page_token")
    PROJECTS_FIELD_NUMBER: _ClassVar[int]
    NEXT_PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    projects: _containers.RepeatedCompositeFieldContainer[_project_pb2.Project]
    next_page_token: str
    def __init__(self, projects: _Optional[_Iterable[_Union[_project_pb2.Project, _Mapping]]] = ..., next_page_token: _Optional[str] = ...) -> None: ...

class UpdateProjectRequest(_message.Message):
    __slots__ = ("name", "project", "update_mask")
    NAME_FIELD_NUMBER: _ClassVar[int]
    PROJECT_FIELD_NUMBER: _ClassVar[int]
    UPDATE_MASK_FIELD_NUMBER: _ClassVar[int]
    name: str
    project: _project_pb2.Project
    update_mask: _field_mask_pb2.FieldMask
    def __init__(self, name: _Optional[str] = ..., project: _Optional[_Union[_project_pb2.Project, _Mapping]] = ..., update_mask: _Optional[_Union[_field_mask_pb2.FieldMask, _Mapping]] = ...) -> None: ...

class UpdateProjectResponse(_message.Message):
    __slots__ = ("project",)
    PROJECT_FIELD_NUMBER: _ClassVar[int]
    project: _project_pb2.Project
    def __init__(self, project: _Optional[_Union[_project_pb2.Project, _Mapping]] = ...) -> None: ...

class DeleteProjectRequest(_message.Message):
    __slots__ = ("name",)
    NAME_FIELD_NUMBER: _ClassVar[int]
    name: str
    def __init__(self, name: _Optional[str] = ...) -> None: ...

class DeleteProjectResponse(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class GetEffectiveProjectRequest(_message.Message):
    __slots__ = ("name",)
    NAME_FIELD_NUMBER: _ClassVar[int]
    name: str
    def __init__(self, name: _Optional[str] = ...) -> None: ...

class GetEffectiveProjectResponse(_message.Message):
    __slots__ = ("effective_project",)
    EFFECTIVE_PROJECT_FIELD_NUMBER: _ClassVar[int]
    effective_project: EffectiveProject
    def __init__(self, effective_project: _Optional[_Union[EffectiveProject, _Mapping]] = ...) -> None: ...

class EffectiveProject(_message.Message):
    __slots__ = ("approval_policy", "approval_policy_source", "share_knowledge", "share_knowledge_source", "knowledge_projects", "connections", "max_parallel_steps", "max_parallel_steps_source")
    APPROVAL_POLICY_FIELD_NUMBER: _ClassVar[int]
    APPROVAL_POLICY_SOURCE_FIELD_NUMBER: _ClassVar[int]
    SHARE_KNOWLEDGE_FIELD_NUMBER: _ClassVar[int]
    SHARE_KNOWLEDGE_SOURCE_FIELD_NUMBER: _ClassVar[int]
    KNOWLEDGE_PROJECTS_FIELD_NUMBER: _ClassVar[int]
    CONNECTIONS_FIELD_NUMBER: _ClassVar[int]
    MAX_PARALLEL_STEPS_FIELD_NUMBER: _ClassVar[int]
    MAX_PARALLEL_STEPS_SOURCE_FIELD_NUMBER: _ClassVar[int]
    approval_policy: _task_pb2.ApprovalPolicy
    approval_policy_source: str
    share_knowledge: bool
    share_knowledge_source: str
    knowledge_projects: _containers.RepeatedScalarFieldContainer[str]
    connections: _containers.RepeatedCompositeFieldContainer[_connection_pb2.Connection]
    max_parallel_steps: int
    max_parallel_steps_source: str
    def __init__(self, approval_policy: _Optional[_Union[_task_pb2.ApprovalPolicy, str]] = ..., approval_policy_source: _Optional[str] = ..., share_knowledge: bool = ..., share_knowledge_source: _Optional[str] = ..., knowledge_projects: _Optional[_Iterable[str]] = ..., connections: _Optional[_Iterable[_Union[_connection_pb2.Connection, _Mapping]]] = ..., max_parallel_steps: _Optional[int] = ..., max_parallel_steps_source: _Optional[str] = ...) -> None: ...
