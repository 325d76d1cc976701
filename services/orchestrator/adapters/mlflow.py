"""An MLflow tracking server, reached through mlflow-skinny's own client.

The package is an extra and slow to import, so it is imported when it is first used, in the thread
that waits for the server.
"""

import asyncio
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final

from services.mesh.errors import AdjutantError

RETRY_S: Final = 5.0
THREADS: Final = 2
"""Calls of the server at a time. They are not the threads that the store works on: a server that
does not answer must hold nobody up who does not wait for it."""
SPANS_AT_ONCE: Final = 50
_MISSING: Final = ("RESOURCE_DOES_NOT_EXIST", "NOT_FOUND")


class MlflowServer:
    """Keeps traces in MLflow, those of each project in an experiment of its own.

    Every method may raise MLFLOW_UNAVAILABLE.
    """

    def __init__(self, tracking_uri: str, experiment_prefix: str, timeout_s: float) -> None:
        """Take where the server is; user and password or token stand in MLflow's own variables."""
        self._uri = tracking_uri
        self._prefix = experiment_prefix
        self._timeout_s = timeout_s
        self._threads = ThreadPoolExecutor(THREADS, "mlflow")
        self._made: Any = None
        self._experiments: dict[str, str] = {}

    async def log(self, project: str, document: dict[str, Any]) -> None:
        """Put a trace, in MLflow's form, into a project's experiment; again changes nothing."""
        await self._run(self._log, project, document)

    async def fetch(self, project: str, trace_id: str) -> dict[str, Any] | None:
        """Return a trace in MLflow's form; None where the project's experiment has none."""
        found: dict[str, Any] | None = await self._run(self._fetch, project, trace_id)
        return found

    async def close(self) -> None:
        """Call the server no more."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    async def _run(self, work: Callable[..., Any], *arguments: Any) -> Any:
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._threads, self._safely, work, *arguments)

    def _log(self, project: str, document: dict[str, Any]) -> None:
        from mlflow.entities import Trace

        client = self._client()
        experiment_id = self._experiment(project, make=True)
        location = {"experiment_id": experiment_id}
        document["info"]["trace_location"]["mlflow_experiment"] = location
        trace = Trace.from_dict(document)
        try:
            spans = trace.data.spans
            for at in range(0, len(spans), SPANS_AT_ONCE):
                client.log_spans(experiment_id, spans[at : at + SPANS_AT_ONCE])
            client.start_trace(trace.info)
        except NotImplementedError:
            # The server is older than 3.4, or did not say how old it is, which the client would
            # remember for ever.
            client.store._get_server_version.cache_clear()
            raise

    def _fetch(self, project: str, trace_id: str) -> dict[str, Any] | None:
        experiment_id = self._experiment(project, make=False)
        if not experiment_id:
            return None
        try:
            trace = self._client().get_trace(trace_id)
        except Exception as error:
            if getattr(error, "error_code", "") in _MISSING:
                return None
            raise
        # A trace of another project is none of this one's business.
        found: dict[str, Any] = trace.to_dict()
        return found if trace.info.experiment_id == experiment_id else None

    def _experiment(self, project: str, *, make: bool) -> str:
        """Return the id of a project's experiment; empty where there is none."""
        if project not in self._experiments:
            _, client_id, _, project_id = project.split("/")
            name = f"{self._prefix}/{client_id}/{project_id}"
            store = self._client().store
            found = store.get_experiment_by_name(name)
            if found is None and not make:
                return ""
            made = found.experiment_id if found else store.create_experiment(name, None, [])
            self._experiments[project] = str(made)
        return self._experiments[project]

    def _client(self) -> Any:
        """Return MLflow's client, made when it is first needed."""
        if self._made is None:
            # It tells its makers how it is used, and tries again for minutes, unless told not to.
            os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
            os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
            os.environ.setdefault("MLFLOW_HTTP_REQUEST_TIMEOUT", str(int(self._timeout_s)))
            from mlflow.tracing.client import TracingClient

            self._made = TracingClient(self._uri)
        return self._made

    def _safely(self, work: Callable[..., Any], *arguments: Any) -> Any:
        try:
            return work(*arguments)
        except ImportError as error:
            message = "MLflow's client is not installed; install adjutant[mlflow]."
            raise AdjutantError("MLFLOW_UNAVAILABLE", message) from error
        except Exception as error:  # its client raises what its libraries do
            self._experiments.clear()  # one may have been removed
            told = f"{type(error).__name__}: {error}"[:500]
            raise AdjutantError(
                "MLFLOW_UNAVAILABLE",
                f"MLflow did not take or give the trace ({told}); see that its server runs and "
                "takes the credentials in MLFLOW_TRACKING_TOKEN or MLFLOW_TRACKING_USERNAME.",
                retry_after_s=RETRY_S,
            ) from error
