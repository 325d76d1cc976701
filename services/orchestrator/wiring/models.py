"""Wires language models: the gateway to them, what calls cost, and their traces."""

from dataclasses import dataclass
from typing import Any, Final

from adjutant.event.v1 import event_pb2
from adjutant.orchestrator.v1 import (
    budget_service_pb2_grpc,
    model_service_pb2_grpc,
    trace_service_pb2_grpc,
    usage_service_pb2_grpc,
)
from services.mesh.access.rights import Rights
from services.mesh.app import Mesh
from services.mesh.due import Due
from services.mesh.store import Collection
from services.orchestrator.adapters.mlflow import MlflowServer
from services.orchestrator.adapters.models import missing_for, open_catalog
from services.orchestrator.models.gateway import ModelGateway, Patience
from services.orchestrator.models.listing import Listing
from services.orchestrator.rpc.budget_service import BudgetService
from services.orchestrator.rpc.model_service import ModelService
from services.orchestrator.rpc.trace_service import TraceService
from services.orchestrator.rpc.usage_service import UsageService
from services.orchestrator.traces.mlflow import Exporter, Fetcher
from services.orchestrator.traces.recorder import TraceRecorder
from services.orchestrator.traces.trace import TRACE_BODIES, TRACE_CALLS, TRACES
from services.orchestrator.traces.traces import Forgetting, Traces
from services.orchestrator.usage.budget import BUDGETS
from services.orchestrator.usage.budgets import Budgets
from services.orchestrator.usage.call import CALLS
from services.orchestrator.usage.day import DAYS, UsageDays
from services.orchestrator.usage.ledger import UsageLedger
from services.orchestrator.usage.prices import Prices
from services.orchestrator.usage.sums import Sums

_CONTRACT: Final = "adjutant.orchestrator.v1"
MODEL_COLLECTIONS: Final[tuple[Collection[Any], ...]] = (
    CALLS,
    DAYS,
    BUDGETS,
    TRACES,
    TRACE_CALLS,
    TRACE_BODIES,
)


@dataclass(frozen=True)
class ModelParts:
    """What features ask models through."""

    gateway: ModelGateway
    """Every call of a model takes it."""
    recorder: TraceRecorder
    """Keeps calls of tools, beside those of models, which the gateway has kept."""
    can_plan: bool
    """Whether real models are asked, and not the built-in script."""


def serve_models(mesh: Mesh, rights: Rights) -> ModelParts:
    """Serve models, usage and traces, and return what others ask models through."""
    options = mesh.settings
    catalog = open_catalog(options, mesh.store)
    mesh.serve(
        model_service_pb2_grpc.add_ModelServiceServicer_to_server,
        ModelService(Listing(catalog, missing_for)),
        f"{_CONTRACT}.ModelService",
    )
    patience = Patience(options.model_liveness_s, options.model_max_attempts)
    prices = Prices(options.model_prices, catalog.kinds)
    ledger, recorder = _serve_usage(mesh, prices), _serve_traces(mesh, rights, prices)
    gateway = ModelGateway(catalog, ledger, recorder, patience)
    return ModelParts(gateway, recorder, catalog.can_plan)


def _serve_usage(mesh: Mesh, prices: Prices) -> UsageLedger:
    """Serve sums and budgets, and return the ledger for whoever calls models."""
    store, options = mesh.store, mesh.settings
    ledger = UsageLedger(store, prices, options)
    days = UsageDays(store, options.usage_ttl_s)
    mesh.serve(
        usage_service_pb2_grpc.add_UsageServiceServicer_to_server,
        UsageService(Sums(days), mesh.hub),
        f"{_CONTRACT}.UsageService",
    )
    mesh.serve(
        budget_service_pb2_grpc.add_BudgetServiceServicer_to_server,
        BudgetService(Budgets(store, options.usage_ttl_s)),
        f"{_CONTRACT}.BudgetService",
    )
    mesh.run_in_background("model calls", Due(store, CALLS, "due_time", ledger.see_to).run)
    mesh.run_in_background("usage days", Due(store, DAYS, "due_time", days.forget).run)
    mesh.before_purge(days.before_purge)
    mesh.run_in_background("budgets", Due(store, BUDGETS, "due_time", ledger.tidy).run)
    return ledger


def _serve_traces(mesh: Mesh, rights: Rights, prices: Prices) -> TraceRecorder:
    """Serve traces, and return what records them."""
    store, options = mesh.store, mesh.settings
    uri: str = options.mlflow_tracking_uri
    prefix, timeout_s = options.mlflow_experiment_prefix, options.mlflow_timeout_s
    server = MlflowServer(uri, prefix, timeout_s) if uri else None
    mesh.serve(
        trace_service_pb2_grpc.add_TraceServiceServicer_to_server,
        TraceService(Traces(store, rights, Fetcher(store, server, options) if server else None)),
        f"{_CONTRACT}.TraceService",
    )
    forgetting = Forgetting(store)
    mesh.run_in_background("old traces", Due(store, TRACES, "expire_time", forgetting.see_to).run)
    changed = [event_pb2.EVENT_KIND_SESSION_CHANGED]
    mesh.consume("orchestrator-session-traces", changed, forgetting.on_session_changed)
    if server is None:
        return TraceRecorder(store, options, prices)
    exports = Due(store, TRACES, "export_due_time", Exporter(store, server).see_to)
    mesh.run_in_background("trace export", exports.run)
    mesh.on_stop(server.close)
    return TraceRecorder(store, options, prices, on_export_due=exports.look)
