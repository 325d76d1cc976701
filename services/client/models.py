"""Language models: which there are, and which one would be asked."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from adjutant_messages.adjutant.orchestrator import v1
from services.client.paging import pages
from services.client.transport import Method, Transport

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

_SERVICE: Final = "orchestrator"
_PATH: Final = "/adjutant.orchestrator.v1.ModelService/"
_LIST = Method(_SERVICE, _PATH + "ListModels", v1.ListModelsRequest, v1.ListModelsResponse)
_CHOICE = Method(
    _SERVICE, _PATH + "GetModelChoice", v1.GetModelChoiceRequest, v1.GetModelChoiceResponse
)


class Models:
    """What a project can ask; `Adjutant.models`. Every method raises `AdjutantError`s."""

    def __init__(self, transport: Transport, parent: str) -> None:
        self._transport = transport
        self._parent = parent

    async def list(
        self,
        *,
        filter: str = "",  # noqa: A002 - the contract's name
        order_by: str = "",
        page_size: int = 100,
    ) -> AsyncGenerator[v1.Model, None]:
        """Yield the models, as they are configured unless `order_by` says otherwise."""

        async def page(token: str) -> tuple[list[v1.Model], str]:
            request = v1.ListModelsRequest(
                parent=self._parent,
                page_size=page_size,
                page_token=token,
                filter=filter,
                order_by=order_by,
            )
            answer = await self._transport.unary(_LIST, request)
            return answer.models, answer.next_page_token

        async for model in pages(page):
            yield model

    async def choice(
        self, input_tokens: int, *, max_output_tokens: int = 0, model: str = ""
    ) -> v1.GetModelChoiceResponse:
        """Return the model that a request of so many tokens would go to, and why."""
        request = v1.GetModelChoiceRequest(
            parent=self._parent,
            input_tokens=input_tokens,
            max_output_tokens=max_output_tokens,
            model=model,
        )
        return await self._transport.unary(_CHOICE, request)
