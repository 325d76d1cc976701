"""Run the agent runner alone: `python -m services.agent_runner`."""

from services.agent_runner import app
from services.mesh.main import main

if __name__ == "__main__":
    main(app)
