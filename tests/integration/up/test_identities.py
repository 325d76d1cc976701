"""A mesh as its users run it, by those who may and those who may not."""

import asyncio
import json
import os
import pathlib
import socket
import stat
import sys
from collections.abc import AsyncIterator

import pytest

from services.ports import OFFSETS
from tests.support.processes import LiveMesh

BIN = pathlib.Path(sys.executable).parent
PATIENCE_S = 60.0


class Command:
    """`adjutant`, in an environment."""

    def __init__(self, data_dir: pathlib.Path, **environ: str) -> None:
        bare = {k: v for k, v in os.environ.items() if not k.startswith("ADJUTANT_")}
        path = f"{BIN}:{os.environ['PATH']}"
        self._environ = {**bare, "PATH": path, "ADJUTANT_DATA_DIR": str(data_dir), **environ}

    async def __call__(self, *arguments: str) -> tuple[int, str]:
        """Run a command; return its exit code and everything that it said."""
        process = await asyncio.create_subprocess_exec(
            BIN / "adjutant",
            *arguments,
            env=self._environ,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        async with asyncio.timeout(PATIENCE_S):
            said, _ = await process.communicate()
        return process.returncode or 0, said.decode()


async def started(data_dir: pathlib.Path, **environ: str) -> AsyncIterator[LiveMesh]:
    mesh = LiveMesh(data_dir, {"PATH": f"{BIN}:{os.environ['PATH']}", **environ})
    await mesh.start()
    yield mesh
    await mesh.stop()


@pytest.fixture(params=["1", "2"], ids=["alone", "replicas"])
async def mutual(tmp_path: pathlib.Path, request: pytest.FixtureRequest) -> AsyncIterator[LiveMesh]:
    """A mesh in which everybody shows a certificate, of one replica of each service or two."""
    data_dir = tmp_path / "data"
    code, said = await Command(data_dir)("auth", "certificates")
    assert code == 0, said
    replicas: str = request.param
    async for mesh in started(data_dir, ADJUTANT_TLS="mutual", ADJUTANT_REPLICAS=replicas):
        yield mesh


@pytest.fixture
async def plain(tmp_path: pathlib.Path) -> AsyncIterator[LiveMesh]:
    async for mesh in started(tmp_path / "data"):
        yield mesh


async def test_with_certificates_everywhere_a_task_goes_its_whole_way(mutual: LiveMesh) -> None:
    adjutant = Command(mutual.data_dir)
    plan = "- [ ] greet\n  run: adjutant report --percent 50 halfway"
    code, said = await adjutant("new", plan, "--watch", "--yes")
    assert code == 0, said
    assert "halfway" in said
    # The same without the certificate, and without the authority.
    stranger = mutual.data_dir.parent / "stranger"
    stranger.mkdir()
    mesh = json.loads((mutual.data_dir / "mesh.json").read_text())
    (stranger / "mesh.json").write_text(json.dumps({**mesh, "tls": {"ca": mesh["tls"]["ca"]}}))
    code, said = await Command(stranger)("status")
    assert code == 3, said
    (stranger / "mesh.json").write_text(json.dumps({**mesh, "tls": {}}))
    code, said = await Command(stranger)("status")
    assert code == 3, said


async def test_the_owner_is_let_in_and_a_stranger_is_not(plain: LiveMesh) -> None:
    token = plain.data_dir / "owner.token"
    assert stat.S_IMODE(token.stat().st_mode) == 0o600
    owner = Command(plain.data_dir)
    code, said = await owner("status")
    assert code == 0, said
    for environ in ({"ADJUTANT_TOKEN": "wrong"}, {"ADJUTANT_TOKEN": "adj_" + "a" * 16 + "_x"}):
        code, said = await Command(plain.data_dir, **environ)("status")
        assert code == 2
        assert "ADJUTANT_TOKEN" in said
    address = f"127.0.0.1:{plain.port_base + OFFSETS['orchestrator']}"
    code, said = await Command(plain.data_dir)("status", "--address", address)
    assert code == 2
    assert "carries no identity" in said
    assert "adjutant auth token" in said


async def test_a_new_owners_token_counts_at_once(plain: LiveMesh) -> None:
    old = (plain.data_dir / "owner.token").read_text().strip()
    owner = Command(plain.data_dir)
    assert (await owner("auth", "rotate-owner-token"))[0] == 0
    assert (await owner("status"))[0] == 0
    code, said = await Command(plain.data_dir, ADJUTANT_TOKEN=old)("status")
    assert code == 2
    assert old not in said


async def test_the_event_log_is_not_for_everybody_on_the_machine(plain: LiveMesh) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", plain.port_base)
    info = await reader.readline()
    assert b'"auth_required":true' in info
    writer.write(b'CONNECT {"verbose":false}\r\nPING\r\n')
    await writer.drain()
    async with asyncio.timeout(PATIENCE_S):
        assert b"Authorization Violation" in await reader.readline()
    writer.close()
    for name in ("secrets/nats.token", "nats/nats.conf"):
        assert stat.S_IMODE((plain.data_dir / name).stat().st_mode) == 0o600
    token = (plain.data_dir / "secrets/nats.token").read_text().strip()
    assert token not in (plain.data_dir / "mesh.json").read_text()


async def test_a_person_with_a_jwt_of_this_machine_is_known(tmp_path: pathlib.Path) -> None:
    data_dir = tmp_path / "data"
    code, said = await Command(data_dir)("auth", "jwt", "ada")
    assert code == 0, said
    setting, token = said.strip().splitlines()
    issuers = setting.partition("ADJUTANT_JWT_ISSUERS='")[2].removesuffix("'")
    async for _ in started(data_dir, ADJUTANT_JWT_ISSUERS=issuers):
        code, said = await Command(data_dir, ADJUTANT_TOKEN=token)("whoami")
        assert code == 0, said
        assert "users/ada" in said
        code, said = await Command(data_dir, ADJUTANT_TOKEN=token)("status")
        assert code == 2
        assert "carries no identity" not in said


@pytest.mark.parametrize("host", ["0.0.0.0", socket.gethostname()])
async def test_a_mesh_without_tls_stays_on_this_machine(tmp_path: pathlib.Path, host: str) -> None:
    code, said = await Command(tmp_path, ADJUTANT_HOST=host)("up")
    assert code == 2
    assert "ADJUTANT_TLS" in said
    assert "adjutant auth certificates" in said
    assert "Traceback" not in said


async def test_a_mesh_without_its_certificates_says_what_to_do(tmp_path: pathlib.Path) -> None:
    code, said = await Command(tmp_path, ADJUTANT_TLS="server")("up")
    assert code == 2
    assert "adjutant auth certificates" in said


async def test_what_is_kept_is_for_its_owner_in_an_older_folder_too(
    tmp_path: pathlib.Path,
) -> None:
    kept = [tmp_path / "data" / name for name in ("nats", "logs", "orchestrator", "agent_runner")]
    for folder in kept:
        folder.mkdir(parents=True, mode=0o755)
    async for _ in started(tmp_path / "data"):
        assert {stat.S_IMODE(folder.stat().st_mode) for folder in kept} == {0o700}
