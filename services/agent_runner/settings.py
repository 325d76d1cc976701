"""Settings of the agent runner."""

from typing import ClassVar

from pydantic import Field

from services.mesh.config import MeshSettings


class AgentRunnerSettings(MeshSettings):
    """Settings of the agent runner."""

    service: ClassVar[str] = "agent_runner"

    run_timeout_s: float = Field(3600.0, gt=0)
    """Seconds that a run may take where its spec does not say."""
    cancel_grace_s: float = Field(5.0, ge=0)
    """Seconds that a job gets between SIGTERM and SIGKILL."""
    max_output_bytes: int = Field(16 * 2**20, ge=1024)
    """Bytes of a run's output that are kept; the rest is counted and dropped."""
    job_heartbeat_s: float = Field(3.0, gt=0)
    """Seconds between two looks at what a job does."""
    liveness_window_s: float = Field(15.0, gt=0)
    """Seconds after its last sign for which a run counts as active."""
    loop_repeats: int = Field(20, ge=2)
    """How many times in a row the same lines must come for a run to count as looping."""
    stuck_after_s: float = Field(900.0, gt=0)
    """Seconds of silence without any computing after which a run is ended as stuck."""
    reconcile_interval_s: float = Field(5.0, gt=0)
    """Seconds between two looks for runs that nobody looks after."""
    max_result_bytes: int = Field(64 * 2**20, ge=1024)
    """Bytes that a result of type file may have."""
    progress_interval_s: float = Field(0.2, gt=0)
    """Seconds between two progress events of one run at least; of those between, the last wins."""
    git_timeout_s: float = Field(600.0, gt=0)
    """Seconds that one git command may take."""
    max_checkouts: int = Field(8, ge=1)
    """Workspaces that are fetched and checked out at once; further runs wait for their turn."""
    commit_author_name: str = "Adjutant"
    """Who authors commits that the runner makes."""
    commit_author_email: str = "adjutant@localhost"
    """Mail address of who authors commits that the runner makes."""
    orchestrator: str = ""
    """Where the orchestrator is: `host:port`, of replicas comma separated; empty: embedded."""
    job_variables: tuple[str, ...] = ()
    """Names of further environment variables of the service that jobs get; a JSON list."""

    @property
    def orchestrator_address(self) -> str:
        """Where the orchestrator is."""
        return self.orchestrator or self.address_of("orchestrator")
