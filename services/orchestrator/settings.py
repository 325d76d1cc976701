"""Settings of the orchestrator."""

from pathlib import Path
from typing import ClassVar, Literal

from pydantic import AliasChoices, Field, field_validator

from services.mesh.config import MeshSettings
from services.orchestrator.models.config import Kind, read_config
from services.orchestrator.models.scripted.script import read_script
from services.orchestrator.usage.prices import ModelPrice


class OrchestratorSettings(MeshSettings):
    """Settings of the orchestrator, beside those of every service."""

    service: ClassVar[str] = "orchestrator"

    max_concurrent_orchestrations: int = Field(
        4,
        ge=1,
        validation_alias=AliasChoices(
            "max_concurrent_orchestrations",
            "ADJUTANT_MAX_CONCURRENT_ORCHESTRATIONS",
            "MAX_CONCURRENT_ORCHESTRATIONS",
        ),
    )
    """Graphs that are being run at once; tasks that wait for an agent or a person do not count."""
    foreground_burst: int = Field(4, ge=1)
    """Slots in a row for the foreground while one of the background waits; then it has its turn."""
    reconcile_interval_s: float = Field(5.0, gt=0)
    """Seconds between two searches for tasks whose event was missed or whose worker is gone."""
    run_check_age_s: float = Field(30.0, gt=0)
    """Seconds without news of a task's runs after which they are asked for."""
    max_infrastructure_attempts: int = Field(3, ge=1)
    """How often a step is started when the ground gives way under its runs, or its command says
    that it failed for now (exit code 75)."""
    approval_timeout_low_s: float = Field(0.0, ge=0)
    """Seconds after which an approval of LOW risk expires; 0 means never."""
    approval_timeout_medium_s: float = Field(300.0, gt=0)
    """Seconds after which one of MEDIUM risk expires, where the project's settings do not say."""
    approval_timeout_high_s: float = Field(600.0, gt=0)
    """Seconds after which one of HIGH risk expires, where the project's settings do not say."""
    approval_warning_s: float = Field(60.0, ge=0)
    """Seconds before an approval expires at which people are warned."""
    max_step_iterations: int = Field(25, ge=1)
    """How often a step may be started, where the project's settings do not say."""
    retry_initial_s: float = Field(1.0, gt=0)
    """Seconds until a step is first tried again by itself; doubled each time, less up to a quarter
    that differs from step to step."""
    retry_max_s: float = Field(300.0, gt=0)
    """Seconds until a step is tried again by itself at most."""
    plan_cache_ttl_s: float = Field(86400.0, ge=0)
    """Seconds that a plan is kept, for the same instructions in the same project; 0 keeps none."""
    statistics_ttl_s: float = Field(90 * 86400.0, gt=0)
    """Seconds that what steps of a kind took is remembered, after the last of them."""
    max_parallel_steps: int = Field(16, ge=1, le=1000)
    """Runs of one task that may be under way, where neither it nor its project says."""
    checkpoint_keep: int = Field(10, ge=1)
    """Checkpoints of a task that goes on that are kept; up to twice as many for a while."""
    checkpoint_ttl_s: float = Field(7 * 86400.0, ge=0)
    """Seconds after a task's end for which its last checkpoint is kept."""
    schedule_grace_s: float = Field(60.0, ge=0)
    """Seconds after which a tick that nobody has seen to counts as missed."""
    schedule_lock_timeout_s: float = Field(2.0, ge=0)
    """Seconds that a replica waits for a schedule that another one is seeing to."""
    chat_max_messages: int = Field(0, ge=0)
    """Messages of a session after which its user starts a new one; 0 is no limit."""
    models_file: Path | None = None
    """YAML file of the language models, explained in docs/models.md; unset: scripted answers."""
    model_liveness_s: float = Field(300.0, gt=0)
    """Seconds without a token after which a call of a language model is given up."""
    model_max_attempts: int = Field(3, ge=1)
    """How often a language model is asked that cannot answer for now, before its first token."""
    model_max_output_tokens: int = Field(2048, ge=1)
    """Tokens that an answer may have, where whoever asks does not say."""
    model_prices: dict[str, ModelPrice] = Field(default_factory=dict)
    """What models cost, in US dollars for a million tokens, where it is not what genai-prices
    says: JSON as in `{"openai/my-*": {"input": 1, "cached_input": 0.1, "output": 3}}`."""
    usage_reservation_ttl_s: float = Field(3600.0, gt=0)
    """Seconds after which a call of which nothing is heard counts as what was reserved for it."""
    usage_ttl_s: float = Field(400 * 86400.0, ge=86400)
    """Seconds that what a call took is kept, for QueryUsage and new budgets."""
    trace_ttl_s: float = Field(30 * 86400.0, gt=0)
    """Seconds that what models and tools were asked is kept, after a trace's last call."""
    trace_call_max_bytes: int = Field(256 * 1024, ge=1024, le=4 * 2**20)
    """Bytes of texts that are kept of one call of a model or a tool."""
    mlflow_tracking_uri: str = Field("", pattern=r"^(https?://[^@\s]+|databricks(://[\w.-]+)?)?$")
    """MLflow's server, to which traces are exported; empty: none. Needs `adjutant[mlflow]`."""
    mlflow_experiment_prefix: str = Field("adjutant", pattern=r"^/?[\w.@/-]+$")
    """The experiment of a project's traces is this, then `/CLIENT/PROJECT`."""
    mlflow_timeout_s: float = Field(10.0, ge=1)
    """Seconds that MLflow's server may take to answer."""
    mlflow_cache_ttl_s: float = Field(86400.0, gt=0)
    """Seconds that a trace is kept that was fetched from MLflow."""
    chat_history_messages: int = Field(100, ge=0)
    """Earlier messages of a session that an agent is told at most."""
    chat_history_tokens: int = Field(32_000, ge=0)
    """Estimated tokens of those together, at most."""
    chat_retrieved_tokens: int = Field(8_000, ge=0)
    """Estimated tokens of what is found for a message, at most."""
    agents_file: Path | None = None
    """File of the agents that messages can be sent to; see docs/agents.md. Unset: none."""
    chat_intent_model: str = ""
    """Model that says which tools a message needs; empty: the smallest that is configured."""
    chat_max_tool_rounds: int = Field(8, ge=0)
    """How often tools are called for one answer before the model must answer without."""
    max_concurrent_responses: int = Field(16, ge=1)
    """Answers to chat messages that a replica makes at once; others wait for their turn."""
    max_concurrent_responses_user: int = Field(4, ge=0)
    """Answers of one user that are made at once, on all replicas; 0 is no limit."""
    response_max_attempts: int = Field(5, ge=1)
    """How often an answer is begun when whoever made it is gone."""
    response_max_bytes: int = Field(2**20, ge=1024, le=3 * 2**20)
    """Bytes that an answer may have in UTF-8; a longer one ends there and fails."""
    response_ttl_s: float = Field(7 * 86400.0, ge=0)
    """Seconds for which a response is kept after its end; the messages stay in the session."""
    create_default_project: bool = True
    """Whether client and project `default` are made where they never were."""
    agent_runner: str = ""
    """Where the agent runner is: `host:port`, of replicas comma separated; empty: embedded."""

    master_key_source: Literal["file", "environment"] = "file"
    """Where the keys are that seal secrets: a file, or the variable `ADJUTANT_MASTER_KEY`."""
    master_key_file: Path | None = None
    """File of the master keys; unset is `secrets/master.keys` in `data_dir`."""

    @field_validator("models_file")
    @classmethod
    def _require_readable(cls, path: Path | None) -> Path | None:
        """Refuse at the start what could not be asked later."""
        for provider in read_config(path).providers:
            if provider.kind is Kind.SCRIPTED:
                read_script(provider.script)
        return path

    @property
    def master_key_path(self) -> Path:
        """Where the file of the master keys is."""
        return self.master_key_file or self.data_dir / "secrets" / "master.keys"

    @property
    def agent_runner_address(self) -> str:
        """Where the agent runner is."""
        return self.agent_runner or self.address_of("agent_runner")
