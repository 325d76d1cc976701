"""Run the agent runner alone."""

from services.agent_runner.app import SERVICE
from services.mesh.main import main

main(SERVICE)
