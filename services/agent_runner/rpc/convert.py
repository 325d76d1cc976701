"""Runs between the contract and the domain."""

from __future__ import annotations

import hashlib
from datetime import UTC
from typing import TYPE_CHECKING

from google.protobuf.timestamp_pb2 import Timestamp

from adjutant.agent_runner.v1 import run_pb2
from adjutant.common.v1 import money_pb2, result_pb2
from services.agent_runner.run import (
    CommitSpec,
    Money,
    Report,
    ResultDeclaration,
    RunInput,
    RunRecord,
    RunSpec,
    WorkspaceSpec,
)

if TYPE_CHECKING:
    from datetime import datetime

    from adjutant.agent_runner.v1 import run_service_pb2


def spec_of(spec: run_pb2.RunSpec) -> RunSpec:
    """Return a spec as the domain has it."""
    commit = None
    if spec.HasField("commit"):
        commit = CommitSpec(
            branch=spec.commit.branch,
            message=spec.commit.message,
            time=spec.commit.time.ToDatetime(UTC),
        )
    return RunSpec(
        agent=spec.agent,
        command_line=spec.command_line,
        verify_command=spec.verify_command,
        timeout_s=spec.timeout.ToNanoseconds() / 1e9 if spec.HasField("timeout") else None,
        workspace=WorkspaceSpec(
            repository_uri=spec.workspace.repository_uri,
            revision=spec.workspace.revision,
            patch_runs=tuple(spec.workspace.patch_runs),
        ),
        commit=commit,
        task=spec.task,
        last_message=spec.last_message,
        results=tuple(
            ResultDeclaration(name=one.name, type=_type_name(one.type)) for one in spec.results
        ),
        inputs=tuple(
            RunInput(name=one.name, run=one.run, sha256=one.sha256) for one in spec.inputs
        ),
    )


def report_of(request: run_service_pb2.ReportRunRequest) -> Report:
    """Return what a job says as the domain has it."""
    cost = request.cost
    return Report(
        percent=request.percent if request.HasField("percent") else None,
        message=request.message,
        cost=Money(currency_code=cost.currency_code, units=cost.units, nanos=cost.nanos)
        if request.HasField("cost")
        else None,
    )


def digest_of(spec: run_pb2.RunSpec) -> str:
    """Return what tells a repeated spec from another one."""
    return hashlib.sha256(spec.SerializeToString(deterministic=True)).hexdigest()


def run_of(run: RunRecord) -> run_pb2.Run:
    """Return a run as the contract has it."""
    return run_pb2.Run(
        name=run.name,
        state=f"RUN_STATE_{run.state}",
        spec=_spec(run.spec),
        liveness=f"RUN_LIVENESS_{run.liveness or 'UNSPECIFIED'}",
        heartbeat_time=_time(run.heartbeat_time),
        percent=run.percent,
        message=run.message,
        process_group=run.process_group,
        exit_code=run.exit_code,
        failure=run.failure.to_proto() if run.failure else None,
        base_sha=run.base_sha,
        changed_files=run.changed_files,
        artifacts=[run_pb2.Artifact(**artifact.model_dump()) for artifact in run.artifacts],
        commit_sha=run.commit_sha,
        create_time=_time(run.create_time),
        update_time=_time(run.update_time),
        start_time=_time(run.start_time),
        end_time=_time(run.end_time),
        etag=run.etag,
        requester=run.requester,
        results=[
            result_pb2.Result(**result.model_dump(exclude={"type"}), type=_type(result.type))
            for result in run.results
        ],
        cost=money_pb2.Money(**run.cost.model_dump()) if run.cost else None,
    )


def _spec(spec: RunSpec) -> run_pb2.RunSpec:
    found = run_pb2.RunSpec(
        agent=spec.agent,
        command_line=spec.command_line,
        verify_command=spec.verify_command,
        workspace=run_pb2.Workspace(**spec.workspace.model_dump()),
        task=spec.task,
        last_message=spec.last_message,
        results=[
            result_pb2.ResultDeclaration(name=one.name, type=_type(one.type))
            for one in spec.results
        ],
        inputs=[run_pb2.RunInput(**one.model_dump()) for one in spec.inputs],
    )
    if spec.timeout_s is not None:
        found.timeout.FromNanoseconds(round(spec.timeout_s * 1e9))
    if spec.commit is not None:
        found.commit.branch = spec.commit.branch
        found.commit.message = spec.commit.message
        found.commit.time.FromDatetime(spec.commit.time)
    return found


def _type(name: str) -> str:
    return f"RESULT_TYPE_{name}"


def _type_name(value: result_pb2.ResultType) -> str:
    return result_pb2.ResultType.Name(value).removeprefix("RESULT_TYPE_")


def _time(time: datetime | None) -> Timestamp | None:
    if time is None:
        return None
    stamp = Timestamp()
    stamp.FromDatetime(time)
    return stamp
