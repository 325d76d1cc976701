"""What is left behind is found."""

import os
import subprocess
from pathlib import Path

from services.mesh.config import MeshSettings
from services.mesh.embedded import EmbeddedNats
from services.mesh.events import EventLog
from services.mesh.lease import Leases
from services.ports import free_port_base
from tests.chaos import remains
from tests.chaos.parts import MARK


async def test_a_process_is_left_until_it_has_ended(tmp_path: Path) -> None:
    mark = str(tmp_path)
    left = subprocess.Popen(["sleep", "60"], env={**os.environ, MARK: mark})
    try:
        (job,) = await remains.jobs(mark, 1)()
        assert str(left.pid) in job
        assert await remains.processes(mark)()
    finally:
        left.kill()
        left.wait()
    assert await remains.within(10, remains.processes(mark)) == []


async def test_a_part_is_there_once(tmp_path: Path) -> None:
    command = ["sh", "-c", "read forever", "services.orchestrator"]
    env = {**os.environ, MARK: str(tmp_path)}
    both = [subprocess.Popen(command, env=env, stdin=subprocess.PIPE) for _ in range(2)]
    try:
        assert await remains.jobs(str(tmp_path), 1)() == ["there are 2 of orchestrator"]
    finally:
        for one in both:
            one.kill()
            one.communicate()


async def test_the_folder_of_a_run_is_left_until_it_is_removed(tmp_path: Path) -> None:
    folder = tmp_path / "agent_runner" / "runs" / "acme.web.r-1"
    folder.mkdir(parents=True)
    assert await remains.folders(tmp_path)() == [f"left on disk: {folder}"]
    folder.rmdir()
    assert await remains.folders(tmp_path)() == []


async def test_a_lease_is_held_until_it_is_given_back(tmp_path: Path) -> None:
    port_base = free_port_base()
    settings = MeshSettings(data_dir=tmp_path, port_base=port_base)
    server = await EmbeddedNats.start(tmp_path, port_base)
    event_log = await EventLog.connect(settings)
    try:
        leases = Leases(event_log, "tests", 60)
        lease = await leases.acquire("task.t-1")
        assert lease
        assert await remains.leases(event_log)() == ["the lease task.t-1 is still held"]
        await leases.release(lease)
        assert await remains.leases(event_log)() == []
    finally:
        await event_log.close()
        await server.stop()
