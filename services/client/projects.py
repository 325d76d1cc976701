"""Projects: where work happens."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Final

from adjutant_messages.adjutant.orchestrator import v1
from adjutant_messages.google.protobuf import FieldMask
from services.client.names import present
from services.client.paging import pages
from services.client.transport import Method, Transport

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Sequence

_SERVICE: Final = "orchestrator"
_PATH: Final = "/adjutant.orchestrator.v1.ProjectService/"
_CREATE = Method(
    _SERVICE, _PATH + "CreateProject", v1.CreateProjectRequest, v1.CreateProjectResponse
)
_GET = Method(_SERVICE, _PATH + "GetProject", v1.GetProjectRequest, v1.GetProjectResponse)
_LIST = Method(_SERVICE, _PATH + "ListProjects", v1.ListProjectsRequest, v1.ListProjectsResponse)
_UPDATE = Method(
    _SERVICE, _PATH + "UpdateProject", v1.UpdateProjectRequest, v1.UpdateProjectResponse
)
_DELETE = Method(
    _SERVICE, _PATH + "DeleteProject", v1.DeleteProjectRequest, v1.DeleteProjectResponse
)
_EFFECTIVE = Method(
    _SERVICE,
    _PATH + "GetEffectiveProject",
    v1.GetEffectiveProjectRequest,
    v1.GetEffectiveProjectResponse,
)


class Projects:
    """The projects of a client; `Adjutant.projects`. Every method raises `AdjutantError`s."""

    def __init__(self, transport: Transport, parent: str) -> None:
        self._transport = transport
        self._parent = parent

    async def create(
        self,
        project_id: str,
        *,
        display_name: str = "",
        description: str = "",
        settings: v1.Settings | None = None,
        group: str = "",
        request_id: str = "",
    ) -> v1.Project:
        """Make a project in the client; its id is never given again.

        Repeating the call with the same `request_id` returns the same project.
        """
        project = v1.Project(
            display_name=display_name,
            description=description,
            settings=settings,
            group=group,
        )
        request = v1.CreateProjectRequest(
            parent=self._parent,
            request_id=request_id or str(uuid.uuid4()),
            project_id=project_id,
            project=project,
        )
        return present((await self._transport.unary(_CREATE, request)).project)

    async def get(self, name: str) -> v1.Project:
        """Return a project by its full name."""
        request = v1.GetProjectRequest(name=name)
        return present((await self._transport.unary(_GET, request)).project)

    async def list(
        self,
        *,
        filter: str = "",  # noqa: A002 - the contract's name
        order_by: str = "",
        page_size: int = 100,
    ) -> AsyncGenerator[v1.Project, None]:
        """Yield the projects of the client, newest first unless `order_by` says otherwise.

        `filter` is as in `display_name = "Web"`; `page_size` is how many are fetched at a time.
        """

        async def page(token: str) -> tuple[list[v1.Project], str]:
            request = v1.ListProjectsRequest(
                parent=self._parent,
                page_size=page_size,
                page_token=token,
                filter=filter,
                order_by=order_by,
            )
            answer = await self._transport.unary(_LIST, request)
            return answer.projects, answer.next_page_token

        async for project in pages(page):
            yield project

    async def update(self, name: str, changes: v1.Project, paths: Sequence[str] = ()) -> v1.Project:
        """Change the fields that `paths` name, or all that are set, and return the project.

        With an `etag` in `changes` the project must still be that one.
        """
        request = v1.UpdateProjectRequest(
            name=name, project=changes, update_mask=FieldMask(paths=list(paths))
        )
        return present((await self._transport.unary(_UPDATE, request)).project)

    async def delete(self, name: str) -> None:
        """Remove a project for good; refused while a task of it has not ended."""
        await self._transport.unary(_DELETE, v1.DeleteProjectRequest(name=name))

    async def effective(self, name: str) -> v1.EffectiveProject:
        """Return what holds in a project when its group and its client were asked."""
        request = v1.GetEffectiveProjectRequest(name=name)
        return present((await self._transport.unary(_EFFECTIVE, request)).effective_project)
