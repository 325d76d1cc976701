"""No client sees another: the proof, that it can fail, and the second line behind the first."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from services.mesh.access import scope
from services.mesh.access.authorizer import Authorizer
from services.mesh.interceptors import door
from services.mesh.interceptors.cutting import Cutting
from tests.isolation.proof import Proof, names_of_the_victim
from tests.isolation.who import Who
from tests.isolation.world import World, make_world
from tests.support.identities import bearer

PROOF_TIMEOUT_S = 600


@pytest.mark.timeout(PROOF_TIMEOUT_S)
def test_no_client_sees_another() -> None:
    # A process of its own: it takes the process's spans and metrics.
    command = [sys.executable, "-W", "error", "-m", "tests.isolation"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-5000:] + done.stderr[-5000:]
    assert done.stdout.splitlines()[-1].endswith(" leaks=0")


def _attacker(world: World) -> Who:
    return Who(
        "the owner of another client", bearer(world.owner_of(world.own)), "PERMISSION_DENIED"
    )


async def test_the_second_line_holds_where_the_first_lets_everybody_in(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with make_world(tmp_path) as world:
        before = Proof()
        await names_of_the_victim(world, [_attacker(world)], before)
        # The first line is mistaken: it takes every call for one on the attacker's own project.
        monkeypatch.setattr(door.AccessDoor, "_resource_of", lambda *_: world.own.project)
        monkeypatch.setattr(door, "_check_references", lambda *_: None)
        _open_the_door(monkeypatch)
        proof = Proof()
        await names_of_the_victim(world, [_attacker(world)], proof)
        # And without the second line, what it held back comes out.
        monkeypatch.setattr(scope, "client_of", lambda _: "everybody")
        neither = Proof()
        await names_of_the_victim(world, [_attacker(world)], neither)
    assert not before.leaks
    assert proof.calls == before.calls
    assert not _methods_that_leak(proof)
    assert {"TaskService/GetTask", "RunService/TailLogs"} <= _methods_that_leak(neither)


async def test_the_proof_sees_a_door_that_is_open(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with make_world(tmp_path) as world:
        _open_the_door(monkeypatch)
        proof = Proof()
        await names_of_the_victim(world, [_attacker(world)], proof)
    assert {
        "TaskService/GetTask",
        "TaskService/WatchTask",
        "RunService/TailLogs",
        "MemberService/ListMembers",
    } <= _methods_that_leak(proof)


def _methods_that_leak(proof: Proof) -> set[str]:
    """Return the methods whose answers held what is the victim's."""
    return {leak.split(" ")[0] for leak in proof.leaks if "came out" in leak}


def _open_the_door(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let everybody in, and let them stay: a late change of access has open streams looked at."""
    monkeypatch.setattr(Authorizer, "require", _let_in)
    monkeypatch.setattr(Cutting, "_may_go_on", lambda *_: True)


async def _let_in(*_: Any) -> None:
    return None
