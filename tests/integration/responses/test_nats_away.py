"""The event log may be away while an answer is made."""

import asyncio
from pathlib import Path

from services.mesh.config import MeshSettings
from services.mesh.embedded import EmbeddedNats, free_port
from services.mesh.events import EventLog
from services.mesh.store import Store
from tests.integration.responses.replicas import PATIENCE_S, Reader, Replica, Script, make_session


async def test_what_is_made_goes_on_or_is_made_anew_when_it_is_back(
    store: Store, tmp_path: Path
) -> None:
    port = free_port()
    server = await EmbeddedNats.start(tmp_path, port, "a-token")
    log = await EventLog.connect(MeshSettings(nats_url=f"nats://a-token@127.0.0.1:{port}"))
    script = Script(["one ", "two"])
    replica = Replica(store, log, "replica", script, lease_s=1.0)
    replica.start()
    try:
        for session_id, outage_s in (("short", 0.0), ("long", 1.5)):
            gate = script.hold(1)
            gate.clear()
            sent = await replica.send(await make_session(store, session_id))
            reader = Reader()
            async with asyncio.timeout(PATIENCE_S):
                async for frame in replica.frames(sent.name):
                    reader.take(frame)
                    if reader.kinds[-1] == "delta" and reader.text == "one " and not reader.resets:
                        server.kill()
                        await asyncio.sleep(outage_s)
                        gate.set()
                        if outage_s:
                            server = await EmbeddedNats.start(tmp_path, port, "a-token")
            assert reader.text == "one two"
            assert bool(reader.resets) == bool(outage_s)
            if not outage_s:
                server = await EmbeddedNats.start(tmp_path, port, "a-token")
        assert script.running == 0
    finally:
        await replica.stop()
        await log.close()
        await server.stop()
