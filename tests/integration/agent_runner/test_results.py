"""What runs give and take, over the wire, with real jobs."""

import os
import pathlib
import sys
from collections.abc import AsyncIterator

import grpc
import grpc.aio
import pytest
import pytest_asyncio

from adjutant.agent_runner.v1 import run_pb2
from adjutant.common.v1 import error_reason_pb2 as reasons
from adjutant.common.v1 import failure_pb2, money_pb2, result_pb2
from adjutant.common.v1 import run_pb2 as states
from services.agent_runner.errors import RunFailure
from services.agent_runner.results import Results, inputs_folder, result_key
from services.agent_runner.run import RUNS, Result, RunInput, RunRecord, RunSpec
from services.mesh.blobs import Blobs
from services.mesh.store import now, open_store
from tests.integration.agent_runner.runners import Caller, runner_here

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def small_runner(nats_url: str, shared_folder: pathlib.Path) -> AsyncIterator[Caller]:
    async with runner_here(nats_url, shared_folder, max_result_bytes=4096) as caller:
        yield caller


@pytest.fixture
def runner(small_runner: Caller) -> Caller:
    return Caller(small_runner.channel)


def declared(**types: str) -> list[result_pb2.ResultDeclaration]:
    return [
        result_pb2.ResultDeclaration(name=name, type=f"RESULT_TYPE_{kind}")
        for name, kind in types.items()
    ]


async def test_a_run_gives_typed_results_and_another_takes_them(runner: Caller) -> None:
    command = (
        'cd "$ADJUTANT_RESULTS"; echo 1.2 > version; echo -7 > size; echo 2.5e3 > share;'
        " echo true > clean; printf '\\000\\377' > report; echo more > unasked"
    )
    types = declared(version="TEXT", size="INTEGER", share="NUMBER", clean="BOOLEAN", report="FILE")
    given = await runner.run(command, results=types)
    assert given.state == states.RUN_STATE_SUCCEEDED, given.failure
    assert [result.name for result in given.results] == [one.name for one in types]
    assert given.results[4].size_bytes == 2
    assert await runner.artifact(given.name, "result.report") == b"\0\xff"
    assert list(given.changed_files) == [], "results are no changes"

    inputs = [
        run_pb2.RunInput(name=result.name, run=given.name, sha256=result.sha256)
        for result in given.results[:2]
    ]
    command = 'cat "$ADJUTANT_INPUTS/version" "$ADJUTANT_INPUTS/size"; ls "$ADJUTANT_INPUTS"'
    taken = await runner.run(command, inputs=inputs)
    assert taken.state == states.RUN_STATE_SUCCEEDED, taken.failure
    assert (await runner.output(taken.name)) == b"1.2\n-7\nsize\nversion\n"


@pytest.mark.parametrize(
    ("command", "kind", "reason", "said"),
    [
        ("true", "TEXT", "RESULT_MISSING", '"$ADJUTANT_RESULTS/v"'),
        ("echo 1.5 > v", "INTEGER", "RESULT_INVALID", "a decimal number without a fraction"),
        ("echo many > v", "NUMBER", "RESULT_INVALID", "a decimal number"),
        ("echo yes > v", "BOOLEAN", "RESULT_INVALID", "true or false"),
        ("printf '\\377' > v", "TEXT", "RESULT_INVALID", "UTF-8"),
        ("head -c 70000 /dev/zero | tr '\\0' x > v", "TEXT", "RESULT_INVALID", "65536"),
        ("head -c 5000 /dev/zero > v", "FILE", "RESULT_INVALID", "may have 4096"),
        ("ln -s /etc/passwd v", "FILE", "RESULT_INVALID", "no plain file"),
        ("mkdir v", "FILE", "RESULT_INVALID", "no plain file"),
    ],
)
async def test_a_result_that_is_missing_or_wrong_fails_the_run(
    runner: Caller, command: str, kind: str, reason: str, said: str
) -> None:
    done = await runner.run(f'cd "$ADJUTANT_RESULTS"; {command}', results=declared(v=kind))
    assert done.state == states.RUN_STATE_FAILED
    assert reasons.ErrorReason.Name(done.failure.reason) == f"ERROR_REASON_{reason}"
    assert "'v'" in done.failure.message
    assert said in done.failure.message
    assert not done.results
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await runner.artifact(done.name, "result.v")
    assert refused.value.code() == grpc.StatusCode.NOT_FOUND


async def test_a_job_that_failed_gives_nothing(runner: Caller) -> None:
    command = 'echo 1 > "$ADJUTANT_RESULTS/v"; exit 3'
    done = await runner.run(command, results=declared(v="TEXT"))
    assert done.failure.reason == reasons.ERROR_REASON_COMMAND_FAILED
    assert not done.results


async def test_what_was_not_given_or_is_another_value_cannot_be_taken(
    runner: Caller, shared_folder: pathlib.Path
) -> None:
    command = 'echo 1 > "$ADJUTANT_RESULTS/v"'
    given = await runner.run(command, results=declared(v="TEXT"))

    async def reason(**fields: str) -> int:
        wanted = run_pb2.RunInput(**({"name": "v", "run": given.name} | fields))
        done = await runner.run("true", inputs=[wanted])
        return done.failure.reason

    assert await reason() == reasons.ERROR_REASON_UNSPECIFIED
    assert await reason(name="w") == reasons.ERROR_REASON_RESULT_MISSING
    assert await reason(run=f"{runner.parent}/runs/none") == reasons.ERROR_REASON_RESULT_MISSING
    assert await reason(sha256="0" * 64) == reasons.ERROR_REASON_RESULT_INVALID
    (stored,) = shared_folder.glob(f"agent_runner/blobs/runs/{given.name}/result.v")
    stored.write_text("2\n")
    assert await reason() == reasons.ERROR_REASON_RESULT_INVALID


async def test_nothing_of_another_project_can_be_taken(
    runner: Caller, shared_folder: pathlib.Path
) -> None:
    command = 'echo 1 > "$ADJUTANT_RESULTS/v"'
    given = await runner.run(command, results=declared(v="TEXT"))
    wanted = run_pb2.RunInput(name="v", run=given.name)
    other = Caller(runner.channel)
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await other.start("true", inputs=[wanted])
    assert refused.value.code() == grpc.StatusCode.INVALID_ARGUMENT


async def test_nothing_of_another_project_is_laid_out_were_the_door_wrong(
    tmp_path: pathlib.Path,
) -> None:
    blobs = Blobs(tmp_path / "blobs")
    store = await open_store(tmp_path / "store.db", (RUNS,))
    theirs, mine = (f"clients/{client}/projects/p/runs/r" for client in ("a", "b"))
    info = await blobs.put(result_key(theirs, "v"), b"secret")
    result = Result(name="v", type="TEXT", size_bytes=info.size_bytes, sha256=info.sha256)
    await store.insert(RUNS, record_of(theirs).model_copy(update={"results": (result,)}))
    spec = RunSpec(agent="command", inputs=(RunInput(name="v", run=theirs),))
    results = Results(store, blobs, 100)
    with pytest.raises(RunFailure) as refused:
        await results.lay_out(record_of(mine, spec), tmp_path)
    assert refused.value.reason == "NOT_FOUND"
    assert list(inputs_folder(tmp_path).iterdir()) == []
    same = record_of("clients/a/projects/p/runs/s", spec)
    await results.lay_out(same, tmp_path)
    assert (inputs_folder(tmp_path) / "v").read_bytes() == b"secret"
    await store.close()


def record_of(name: str, spec: RunSpec | None = None) -> RunRecord:
    return RunRecord(
        name=name,
        create_time=now(),
        update_time=now(),
        state="SUCCEEDED",
        task="",
        agent="command",
        spec=spec or RunSpec(agent="command"),
        spec_digest="",
        headers={},
    )


async def test_names_are_unique_and_safe(runner: Caller) -> None:
    twice = declared(v="TEXT") + declared(v="FILE")
    wrong = [result_pb2.ResultDeclaration(name="../v", type="RESULT_TYPE_TEXT")]
    for results in (twice, wrong, [result_pb2.ResultDeclaration(name="v")]):
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await runner.start("true", results=results)
        assert refused.value.code() == grpc.StatusCode.INVALID_ARGUMENT


async def test_exit_code_75_is_a_temporary_failure(runner: Caller) -> None:
    done = await runner.run("exit 75")
    assert done.failure.reason == reasons.ERROR_REASON_TEMPORARY_FAILURE
    assert done.failure.disposition == failure_pb2.FAILURE_DISPOSITION_INFRASTRUCTURE


async def test_a_run_has_the_largest_cost_that_its_job_reported(runner: Caller) -> None:
    script = pathlib.Path(__file__).with_name("report_cost.py")
    done = await runner.run(f"{_python()} {script}")
    assert done.state == states.RUN_STATE_SUCCEEDED, await runner.output(done.name)
    assert done.cost == money_pb2.Money(currency_code="EUR", units=1, nanos=250_000_000)
    assert b"INVALID_ARGUMENT" in await runner.output(done.name)


def _python() -> str:
    return f"env PYTHONPATH={os.pathsep.join(path for path in sys.path if path)} {sys.executable}"
