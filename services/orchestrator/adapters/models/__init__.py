"""Providers of language models, each through its LangChain client.

A provider's client is an extra (`adjutant[ollama]`, `[openai]`, `[anthropic]`) and imported when
a model of it is first asked, so that whoever uses another one does not need it.
"""

from collections.abc import Mapping

from services.mesh.store import Store
from services.orchestrator.adapters.models.clients import make_model, missing_for
from services.orchestrator.models.catalog import Catalog, Factory
from services.orchestrator.models.config import Kind, ModelsConfig, ProviderConfig, read_config
from services.orchestrator.models.facts import ProjectFacts
from services.orchestrator.models.port import ChatModel
from services.orchestrator.models.scripted import Facts, Player, ScriptedModel, read_script
from services.orchestrator.settings import OrchestratorSettings


def open_catalog(settings: OrchestratorSettings, store: Store) -> Catalog:
    """Return the models that are configured. ValueError where the configuration is wrong."""
    config = read_config(settings.models_file)
    factories = make_factories(config, ProjectFacts(store))
    return Catalog(config, factories, settings.model_max_output_tokens)


def make_factories(config: ModelsConfig, facts: Facts) -> Mapping[Kind, Factory]:
    """Return how the models of each kind are made. ValueError where a script is wrong."""
    players = {
        provider.name: Player(read_script(provider.script), facts)
        for provider in config.providers
        if provider.kind is Kind.SCRIPTED
    }

    def scripted(provider: ProviderConfig, model: str, context_tokens: int) -> ChatModel:
        return ScriptedModel(players[provider.name], provider.name, model, context_tokens)

    return {**dict.fromkeys(Kind, make_model), Kind.SCRIPTED: scripted}


__all__ = ["make_factories", "missing_for", "open_catalog"]
