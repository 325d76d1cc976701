"""ProjectService over the wire."""

from typing import Any

from adjutant.common.v1 import access_pb2
from adjutant.orchestrator.v1 import project_service_pb2 as pb
from adjutant.orchestrator.v1 import project_service_pb2_grpc
from services.orchestrator.rpc import hierarchy
from services.orchestrator.tenancy.connection import Connections
from services.orchestrator.tenancy.effective import Inheritance
from services.orchestrator.tenancy.nodes import Nodes
from services.orchestrator.tenancy.project import ProjectRecord
from services.orchestrator.tenancy.rights import Rights


class ProjectService(project_service_pb2_grpc.ProjectServiceServicer):
    """See the contract."""

    def __init__(
        self,
        nodes: Nodes[ProjectRecord],
        inheritance: Inheritance,
        connections: Connections,
        rights: Rights,
    ) -> None:
        self._nodes = nodes
        self._inheritance = inheritance
        self._connections = connections
        self._rights = rights

    async def CreateProject(
        self, request: pb.CreateProjectRequest, _: Any
    ) -> pb.CreateProjectResponse:
        """See the contract."""
        record = await self._nodes.create(request.parent, request.project_id, request)
        return pb.CreateProjectResponse(project=hierarchy.project(record))

    async def GetProject(self, request: pb.GetProjectRequest, _: Any) -> pb.GetProjectResponse:
        """See the contract."""
        return pb.GetProjectResponse(project=hierarchy.project(await self._nodes.get(request.name)))

    async def ListProjects(
        self, request: pb.ListProjectsRequest, _: Any
    ) -> pb.ListProjectsResponse:
        """See the contract."""
        page = await self._nodes.page(request.parent, request)
        return pb.ListProjectsResponse(
            projects=[hierarchy.project(record) for record in page.records],
            next_page_token=page.next_page_token,
        )

    async def UpdateProject(
        self, request: pb.UpdateProjectRequest, _: Any
    ) -> pb.UpdateProjectResponse:
        """See the contract."""
        return pb.UpdateProjectResponse(
            project=hierarchy.project(await self._nodes.update(request))
        )

    async def DeleteProject(
        self, request: pb.DeleteProjectRequest, _: Any
    ) -> pb.DeleteProjectResponse:
        """See the contract."""
        await self._nodes.delete(request.name)
        return pb.DeleteProjectResponse()

    async def GetEffectiveProject(
        self, request: pb.GetEffectiveProjectRequest, _: Any
    ) -> pb.GetEffectiveProjectResponse:
        """See the contract."""
        found = await self._inheritance.effective(request.name)
        # Who works in a project need not know what it reaches, nor as which user.
        may_read = access_pb2.PERMISSION_CONNECTIONS_READ in self._rights.held(request.name)
        connections = await self._connections.connections_of(found.chain) if may_read else ()
        return pb.GetEffectiveProjectResponse(
            effective_project=hierarchy.effective(found, connections)
        )
