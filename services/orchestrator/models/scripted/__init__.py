"""The scripted provider: deterministic answers by rules in a file."""

from services.orchestrator.models.scripted.model import Facts, Player, ScriptedModel
from services.orchestrator.models.scripted.script import read_script

__all__ = ["Facts", "Player", "ScriptedModel", "read_script"]
