"""Wires who answers in chat: agents, their tools, and what they are told."""

from services.mesh.app import Mesh
from services.orchestrator.agents.acting import Acting
from services.orchestrator.agents.agent import read_agents
from services.orchestrator.agents.capabilities import Domain, make_registry
from services.orchestrator.agents.confirmation import Confirmation
from services.orchestrator.agents.intent import IntentParser
from services.orchestrator.agents.loop import Loop
from services.orchestrator.agents.modes import Modes
from services.orchestrator.chat.context import Bounds, Contexts
from services.orchestrator.models.estimate import text_tokens
from services.orchestrator.models.port import Models, Recorder


def make_modes(mesh: Mesh, models: Models, recorder: Recorder, domain: Domain) -> Modes:
    """Return who answers messages. ValueError where the file of the agents is wrong."""
    store, options = mesh.store, mesh.settings
    bounds = Bounds(
        options.chat_history_messages, options.chat_history_tokens, options.chat_retrieved_tokens
    )
    confirmation = Confirmation(store)
    return Modes(
        store,
        Contexts(store, bounds, text_tokens),
        read_agents(options.agents_file),
        make_registry(Acting(store, mesh.authorizer, mesh.audit), domain),
        recorder,
        confirmation,
        IntentParser(models, options.chat_intent_model),
        Loop(models, confirmation, options.chat_max_tool_rounds),
    )
