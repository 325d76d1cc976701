"""Runs between the contract and the domain."""

from __future__ import annotations

import hashlib
from datetime import UTC
from typing import TYPE_CHECKING

from google.protobuf.timestamp_pb2 import Timestamp

from adjutant.agent_runner.v1 import run_pb2
from services.agent_runner.run import CommitSpec, RunRecord, RunSpec, WorkspaceSpec

if TYPE_CHECKING:
    from datetime import datetime


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
    )


def _spec(spec: RunSpec) -> run_pb2.RunSpec:
    found = run_pb2.RunSpec(
        agent=spec.agent,
        command_line=spec.command_line,
        verify_command=spec.verify_command,
        workspace=run_pb2.Workspace(**spec.workspace.model_dump()),
        task=spec.task,
        last_message=spec.last_message,
    )
    if spec.timeout_s is not None:
        found.timeout.FromNanoseconds(round(spec.timeout_s * 1e9))
    if spec.commit is not None:
        found.commit.branch = spec.commit.branch
        found.commit.message = spec.commit.message
        found.commit.time.FromDatetime(spec.commit.time)
    return found


def _time(time: datetime | None) -> Timestamp | None:
    if time is None:
        return None
    stamp = Timestamp()
    stamp.FromDatetime(time)
    return stamp
