"""Peers are compared by what they did, and one that is not there is reported with the reason."""

import asyncio
import dataclasses
from pathlib import Path

import pytest

from bench import effects, harness, recovery, three_steps
from bench.peers import adjutant, dbos, postgres
from bench.peers.environment import AbsentError, Environment
from bench.peers.workflows import NOTHING, Contender


def _missing(folder: Path) -> Environment:
    """Return an environment that pip refuses by itself, without asking anybody."""
    return Environment("nobody", python=(str(folder / "no-such-package"),), folder=folder)


def test_what_cannot_be_installed_says_why(tmp_path: Path) -> None:
    environment = _missing(tmp_path)
    for _ in range(2):  # a failed attempt is not taken for an installation
        with pytest.raises(AbsentError, match=r"cannot be installed: .*no-such-package"):
            environment.ensure()


def test_a_peer_without_npm_is_absent(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(AbsentError, match="npm is not on PATH"):
        Environment("nobody", node=("some-package",), folder=tmp_path).ensure()


@pytest.mark.parametrize("bench", [three_steps, recovery])
async def test_a_missing_peer_is_a_row_of_every_bench(
    bench: object, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dbos, "ENVIRONMENT", _missing(tmp_path))
    monkeypatch.setattr(bench, "CONTENDERS", (dbos.CONTENDERS[0],))
    rows = await bench.measure(0.1)  # type: ignore[attr-defined]  # either module has it
    (row,) = rows
    assert isinstance(row, harness.Absent)
    assert dbos.CONTENDERS[0].name in row.name
    assert "cannot be installed" in row.reason


async def test_a_peer_that_does_not_start_is_absent_with_its_last_words(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    environment = Environment("bare", python=(), folder=tmp_path)
    interpreter = tmp_path / "bare" / "bin" / "python"
    environment.ensure()
    interpreter.parent.mkdir(parents=True)
    interpreter.write_text("#!/bin/sh\necho it has no dbos >&2\nexit 1\n")
    interpreter.chmod(0o755)
    monkeypatch.setattr(dbos, "ENVIRONMENT", environment)
    with pytest.raises(AbsentError, match="cannot be started: it has no dbos"):
        async with dbos.on_sqlite():
            pass


def test_without_a_postgresql_server_it_says_where_it_looked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(postgres, "PLACES", (str(tmp_path / "*"),))
    with pytest.raises(AbsentError, match="no PostgreSQL server on PATH"):
        postgres.server_folder()


def test_ours_is_set_beside_peers_that_keep_as_much() -> None:
    ours, full = adjutant.CONTENDERS
    theirs: list[Contender] = list(dbos.CONTENDERS)
    assert ours.comparable(theirs) == theirs
    assert full.comparable(theirs) == [peer for peer in theirs if peer.synced]
    assert theirs[0].comparable(theirs) == []
    assert dataclasses.replace(ours, ours=False).comparable(theirs) == []


def test_a_plan_runs_its_steps_one_after_the_other() -> None:
    assert adjutant.plan("x", ("a", "b")) == (
        "# x\n\n- [ ] step 1\n  run: a\n- [ ] step 2\n  after: 1\n  run: b\n"
    )
    assert "[ ]" not in adjutant.plan("x", NOTHING)


async def test_only_a_step_begun_after_the_kill_counts_as_recovery(tmp_path: Path) -> None:
    async with effects.Effects.followed(tmp_path / "effects") as seen:
        seen.seen = [
            (1.0, effects.Line("w", 0, "begun")),
            (3.0, effects.Line("w", 0, "done")),  # its process outlived the kill at 2
            (4.0, effects.Line("w", 0, "begun")),
            (4.5, effects.Line("other", 0, "done")),
            (5.0, effects.Line("w", 0, "done")),
        ]
        assert seen.done_after("w", 2.0) == 5.0
        assert seen.done_after("w", 4.0) is None
        assert seen.counts("begun")["w", 0] == 2


async def test_effects_are_seen_as_steps_write_them(tmp_path: Path) -> None:
    async with effects.Effects.followed(tmp_path / "effects") as seen:
        process = await asyncio.create_subprocess_exec("sh", "-c", seen.command("w", 1, 0.01))
        await seen.until(lambda: bool(seen.counts("done")))
        assert await process.wait() == 0
    assert [line for _, line in seen.seen] == [
        effects.Line("w", 1, "begun"),
        effects.Line("w", 1, "done"),
    ]
