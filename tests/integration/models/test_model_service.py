"""The models over the wire, through the typed client, and from the command line."""

import asyncio
import json
from pathlib import Path

import grpc
import pytest

from adjutant.orchestrator.v1 import model_pb2, model_service_pb2
from services.orchestrator.settings import OrchestratorSettings
from tests.integration.cli.conftest import PROGRAM, environment
from tests.support.errors import reason_of
from tests.support.identities import owner_token
from tests.support.mesh import PROJECT, MeshInProcess, mesh_in_process

FILE = """
providers:
  - name: local
    kind: ollama
    url: http://127.0.0.1:9
    tiers: {4k: tiny:1b, 16k: small:8b, 64k: small:8b}
    models: {apart:70b: 32k}
  - name: openai
    kind: openai
    api_key_env: A_KEY_THAT_IS_NOT_SET
    tiers: {128k: gpt}
  - name: scripted
    kind: scripted
"""


async def cli(mesh: MeshInProcess, *arguments: str) -> tuple[int, str, str]:
    process = await asyncio.create_subprocess_exec(
        PROGRAM,
        *arguments,
        env=environment(
            f"127.0.0.1:{mesh.port_base + 1}",
            ADJUTANT_TOKEN=owner_token(mesh.data_dir),
            ADJUTANT_CLIENT="acme",
            ADJUTANT_PROJECT="web",
        ),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, err = await asyncio.wait_for(process.communicate(), 30)
    return process.returncode or 0, out.decode(), err.decode()


async def test_models_are_listed_and_chosen(tmp_path: Path) -> None:
    path = tmp_path / "models.yaml"
    path.write_text(FILE)
    async with mesh_in_process(tmp_path / "mesh", models_file=path) as mesh:
        models = mesh.caller.models

        async def listed(**fields: object) -> model_service_pb2.ListModelsResponse:
            request = model_service_pb2.ListModelsRequest(parent=PROJECT, **fields)  # type: ignore[arg-type]
            return await models.ListModels(request)  # type: ignore[no-any-return]

        async def chosen(tokens: int, model: str = "") -> tuple[str, str]:
            request = model_service_pb2.GetModelChoiceRequest(
                parent=PROJECT, input_tokens=tokens, model=model
            )
            found = await models.GetModelChoice(request)
            return found.model.full_name, found.explanation

        whole = (await listed()).models
        assert [(one.full_name, one.context_tokens) for one in whole[:5]] == [
            ("local/tiny:1b", 4096),
            ("local/small:8b", 16384),
            ("local/small:8b", 65536),
            ("local/apart:70b", 32768),
            ("openai/gpt", 131072),
        ]
        assert [one.tier for one in whole[:4]] == [True, True, True, False]
        assert [one.default_provider for one in whole[3:5]] == [True, False]
        assert whole[0].provider_kind == model_pb2.MODEL_PROVIDER_KIND_OLLAMA
        assert "A_KEY_THAT_IS_NOT_SET" in whole[4].missing
        assert not whole[0].missing

        first = await listed(page_size=4)
        second = await listed(page_size=4, page_token=first.next_page_token)
        third = await listed(page_size=4, page_token=second.next_page_token)
        assert [*first.models, *second.models, *third.models] == list(whole)
        only = await listed(filter='provider = "openai"')
        assert [one.full_name for one in only.models] == ["openai/gpt"]

        name, explanation = await chosen(5000)
        assert name == "local/small:8b"
        assert "5000 tokens" in explanation
        assert "16k" in explanation
        assert (await chosen(5000, "openai"))[0] == "openai/gpt"
        for tokens, model, reason in ((70_000, "", "CONTEXT_TOO_LONG"), (1, "x", "UNKNOWN_MODEL")):
            with pytest.raises(grpc.aio.AioRpcError) as raised:
                await chosen(tokens, model)
            assert raised.value.code() is grpc.StatusCode.INVALID_ARGUMENT
            assert reason_of(raised.value) == reason

        code, out, _ = await cli(mesh, "models")
        assert code == 0
        assert "local/apart:70b" in out
        assert "when named" in out
        assert "set A_KEY_THAT_IS_NOT_SET" in out
        _, out, _ = await cli(mesh, "models", "--json")
        assert json.loads(out.splitlines()[0])["fullName"] == "local/tiny:1b"
        _, out, _ = await cli(mesh, "models", "--tokens", "5000")
        assert out.startswith("local/small:8b\n")
        code, _, err = await cli(mesh, "models", "--model", "x")
        assert "--model goes with --tokens" in err
        assert code != 0
        code, _, err = await cli(mesh, "models", "--tokens", "70000")
        assert "Nothing was left out" in err
        assert code != 0


def test_a_wrong_file_is_refused_at_the_start(tmp_path: Path) -> None:
    script = tmp_path / "script.yaml"
    script.write_text("rules: [{match: '('}]")
    path = tmp_path / "models.yaml"
    path.write_text(f"providers: [{{name: scripted, kind: scripted, script: {script}}}]")
    with pytest.raises(ValueError, match="no regular expression"):
        OrchestratorSettings(models_file=path)
