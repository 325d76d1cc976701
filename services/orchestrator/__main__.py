"""Run the orchestrator alone."""

from services.mesh.main import main
from services.orchestrator.app import SERVICE

main(SERVICE)
