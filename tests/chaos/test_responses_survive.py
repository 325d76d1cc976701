"""An answer whose maker is killed in the middle of it becomes one whole message."""

import asyncio
from pathlib import Path

from adjutant_messages.adjutant.orchestrator.v1 import ResponseFrame
from services.client import Adjutant
from tests.support.identities import owner_token
from tests.support.processes import LiveMesh, live_mesh

PATIENCE_S = 100.0
REPLICAS = ("orchestrator", "orchestrator-1")
WORDS = 120
TEXT = " ".join(f"wörd{number}" for number in range(WORDS))


def models_of(folder: Path) -> Path:
    """Write a file of models that answer one slow text, whatever they are asked."""
    script = folder / "script.yaml"
    script.write_text(f'rules:\n  - text: "{TEXT}"\n    delay_s: 0.02\n', "utf-8")
    models = folder / "models.yaml"
    models.write_text(f"providers:\n  - {{name: slow, kind: scripted, script: {script}}}\n")
    return models


class Story:
    """What a reader was told."""

    def __init__(self) -> None:
        self.text = ""
        self.resets = 0

    def take(self, frame: ResponseFrame) -> None:
        if frame.reset is not None:
            self.text, self.resets = "", self.resets + 1
        elif frame.delta is not None:
            self.text += frame.delta.text


def maker_of(mesh: LiveMesh, response: str) -> str:
    """Return the replica that said last that it makes a response."""
    lines = [
        (line, part)
        for part in REPLICAS
        for line in mesh.log_of(part).splitlines()
        if f"{response} is made here" in line
    ]
    return max(lines)[1]


async def test_kills_in_the_middle_end_in_one_whole_message(tmp_path: Path) -> None:
    environ = {
        "ADJUTANT_MODELS_FILE": str(models_of(tmp_path)),
        "ADJUTANT_REPLICAS": "2",
        "ADJUTANT_LEASE_TTL_S": "2",
    }
    async with live_mesh(tmp_path / "data", **environ) as (mesh, _), asyncio.timeout(PATIENCE_S):
        ports = [mesh.port_base + 1 + 10 * replica for replica in (0, 1)]
        addresses = ",".join(f"127.0.0.1:{port}" for port in ports)
        async with Adjutant(
            f"orchestrator={addresses}",
            client="acme",
            project="web",
            token=owner_token(mesh.data_dir),
        ) as adjutant:
            session = await adjutant.sessions.create()
            sent = await adjutant.responses.send(session.name, "hello")
            story, kills = Story(), 0
            async for frame in adjutant.responses.stream(sent.name):
                story.take(frame)
                if kills < 2 and len(story.text) > len(TEXT) // 3 and story.resets == kills:
                    # First whoever makes it, while another is there; then all there are.
                    maker = maker_of(mesh, sent.name)
                    for part in REPLICAS if kills else [maker]:
                        await mesh.kill(part)
                    kills += 1
            assert kills == 2
            assert story.resets == 2
            ended = await adjutant.responses.get(sent.name)
            assert (ended.text, ended.attempt, ended.state.name) == (TEXT, 3, "COMPLETED")
            assert story.text == TEXT
            messages = [one async for one in adjutant.sessions.messages(session.name)]
            assert [one.text for one in reversed(messages)] == ["hello", TEXT]
