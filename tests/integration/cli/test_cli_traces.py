"""`adjutant trace`, on a real mesh."""

import json
from pathlib import Path

from services.orchestrator.traces.trace import trace_name
from tests.integration.cli.test_cli_schedules import adjutant
from tests.support.mesh import PROJECT, mesh_in_process
from tests.support.traces import model_call, recording, scope_of, tool_call


async def test_traces_are_listed_shown_and_exported(tmp_path: Path) -> None:
    scope = scope_of(PROJECT, "r1")
    trace_id = trace_name(scope).rpartition("/")[2]
    async with mesh_in_process(tmp_path / "mesh") as mesh:
        assert "There are none" in (await adjutant(mesh, "trace", "list")).out
        async with recording(mesh.data_dir) as record:
            await record.model_call(scope, model_call("ask"))
            await record.tool_call(scope, tool_call("look", failure="The cellar is locked."))
        listed = await adjutant(mesh, "trace", "list", "sessions/s1")
        assert trace_id in listed.out
        assert "responses/r1" in listed.out
        shown = await adjutant(mesh, "trace", "show", f"tr-{trace_id}")
        assert "40 + 7" in shown.out
        assert "TOOL_FAILED: The cellar is locked." in shown.out
        lines = (await adjutant(mesh, "trace", "show", trace_id, "--json")).out.splitlines()
        assert [json.loads(line)["name"].rpartition("/")[2] for line in lines] == [
            trace_id,
            "ask",
            "look",
        ]
        asked = await adjutant(mesh, "trace", "call", trace_id, "ask")
        for text in ("4k tier", "Where are the bikes?", "I look.", "calls search"):
            assert text in asked.out
        assert "In the cellar." in (await adjutant(mesh, "trace", "call", trace_id, "look")).out
        document = json.loads((await adjutant(mesh, "trace", "export", "sessions/s1")).out)
        assert document["info"]["trace_id"] == f"tr-{trace_id}"
        refused = await adjutant(mesh, "trace", "refresh", trace_id)
        assert "ADJUTANT_MLFLOW_TRACKING_URI" in refused.err
        assert (await adjutant(mesh, "trace", "show", "No Trace")).code == 2
