"""The models as callers see them."""

from collections.abc import Callable
from typing import Final

from adjutant.orchestrator.v1 import model_pb2, model_service_pb2
from services.orchestrator.models.catalog import Catalog, Entry
from services.orchestrator.models.config import Kind, ProviderConfig
from services.orchestrator.tenancy.listing import Listed, page_of

_FIELDS: Final = ("provider", "model", "position")
_KINDS: Final = {
    Kind.SCRIPTED: model_pb2.MODEL_PROVIDER_KIND_SCRIPTED,
    Kind.OLLAMA: model_pb2.MODEL_PROVIDER_KIND_OLLAMA,
    Kind.OPENAI: model_pb2.MODEL_PROVIDER_KIND_OPENAI,
    Kind.ANTHROPIC: model_pb2.MODEL_PROVIDER_KIND_ANTHROPIC,
}
Missing = Callable[[ProviderConfig], str]
"""Returns what a provider cannot be asked without; empty where nothing is missing."""


class _Row(Listed):
    provider: str
    model: str
    position: str

    @property
    def key(self) -> str:
        return self.position


class Listing:
    """Tells of the models."""

    def __init__(self, catalog: Catalog, missing: Missing) -> None:
        self._catalog = catalog
        self._missing = missing

    def page(
        self, request: model_service_pb2.ListModelsRequest
    ) -> tuple[list[model_pb2.Model], str]:
        """Return a page of models. INVALID_FILTER, INVALID_PAGE_TOKEN."""
        entries = list(self._catalog.entries())
        rows = [
            _Row(provider=entry.provider.name, model=entry.model, position=f"{position:06}")
            for position, entry in enumerate(entries)
        ]
        ordered = model_service_pb2.ListModelsRequest()
        ordered.CopyFrom(request)
        ordered.order_by = request.order_by or "position asc"
        shown, token = page_of(rows, _FIELDS, ordered)
        return [self._message(entries[int(row.position)]) for row in shown], token

    def choice(
        self, request: model_service_pb2.GetModelChoiceRequest
    ) -> tuple[model_pb2.Model, str]:
        """Return the model for a request, and why. UNKNOWN_MODEL, CONTEXT_TOO_LONG."""
        choice = self._catalog.choose_for(
            request.input_tokens, request.max_output_tokens, request.model
        )
        return self._message(choice.entry), choice.reason

    def _message(self, entry: Entry) -> model_pb2.Model:
        return model_pb2.Model(
            full_name=entry.name,
            provider=entry.provider.name,
            model=entry.model,
            provider_kind=_KINDS[entry.provider.kind],
            context_tokens=entry.context_tokens,
            tier=entry.is_tier,
            default_provider=entry.provider is self._catalog.default_provider,
            missing=self._missing(entry.provider),
        )
