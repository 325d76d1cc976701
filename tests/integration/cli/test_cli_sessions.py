"""`adjutant sessions` and the client that it is made of, on a real mesh."""

import json
from pathlib import Path

import pytest

from adjutant_messages.adjutant.orchestrator import v1
from services.client import Adjutant, NotFoundError
from tests.integration.cli.test_cli_schedules import adjutant
from tests.support.chat import speaker
from tests.support.identities import owner_token
from tests.support.mesh import mesh_in_process


async def test_sessions_are_looked_at_searched_taken_out_and_removed(tmp_path: Path) -> None:
    async with (
        mesh_in_process(tmp_path / "mesh") as mesh,
        speaker(mesh.data_dir) as said,
        Adjutant(
            f"127.0.0.1:{mesh.port_base + 1}",
            client="acme",
            project="web",
            token=owner_token(mesh.data_dir),
        ) as client,
    ):
        made = await client.sessions.create(display_name="Plans", request_id="r")
        assert await client.sessions.create(display_name="Plans", request_id="r") == made
        chat = made.name.rpartition("/")[2]
        for n in range(3):
            question = await said.ask(made.name, f"What about plan {n}?")
            await said.answer(question, f"Plan {n} is [bold]fine[/bold].")
        listed = await adjutant(mesh, "sessions", "list", "--user", "-")
        for text in (chat, "Plans", "users/owner"):
            assert text in listed.out
        shown = await adjutant(mesh, "sessions", "show", chat[:30], "--limit", "3")
        assert "plan 1?" not in shown.out
        assert shown.out.index("Plan 1 is") < shown.out.index("plan 2?")
        assert "Plan 2 is [bold]fine[/bold]." in shown.out
        lines = (await adjutant(mesh, "sessions", "show", chat, "--json")).out.splitlines()
        session, *messages = map(json.loads, lines)
        assert (session["displayName"], session["messageCount"]) == ("Plans", "6")
        assert [message["number"] for message in messages] == list("123456")
        found = await adjutant(mesh, "sessions", "search", "PLAN", "fin", "--limit", "2")
        assert found.out.count("  Plan ") == 2
        assert "6  reviewer" in found.out
        renamed = await adjutant(mesh, "sessions", "rename", chat, "Old plans")
        assert "'Old plans'" in renamed.out
        text = (await adjutant(mesh, "sessions", "export", chat)).out
        assert text.startswith("# Old plans\n")
        file = tmp_path / "out.json"
        export = ("sessions", "export", chat, "--format", "json", "--output")
        assert (await adjutant(mesh, *export, str(file))).code == 0
        assert len(json.loads(file.read_text())["messages"]) == 6
        refused = await adjutant(mesh, *export, str(tmp_path))
        assert "cannot be written" in refused.err
        assert (await client.sessions.message(f"{made.name}/messages/6")).author == (
            v1.ChatAuthor.ASSISTANT
        )
        assert (await adjutant(mesh, "sessions", "delete", chat)).code == 0
        with pytest.raises(NotFoundError):
            await client.sessions.get(made.name)
        unknown = await adjutant(mesh, "sessions", "show", "nothing")
        assert "adjutant sessions list" in unknown.err
