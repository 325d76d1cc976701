from pathlib import Path

import pytest

from services.orchestrator.models.config import Kind, read_config, size_of, tokens_of

WHOLE = """
providers:
  - name: local
    kind: ollama
    url: http://127.0.0.1:11434
    tiers: {16k: qwen3:8b, 4k: llama3.2:3b}
    models: {qwen3:32b: 32k}
  - name: anthropic
    kind: anthropic
    tiers: {200000: claude}
  - name: scripted
    kind: scripted
"""


def _file(folder: Path, text: str) -> Path:
    path = folder / "models.yaml"
    path.write_text(text)
    return path


def test_reads_a_file(tmp_path: Path) -> None:
    local, far, scripted = read_config(_file(tmp_path, WHOLE)).providers
    assert list(local.table.items()) == [(4096, "llama3.2:3b"), (16384, "qwen3:8b")]
    assert local.models == {"qwen3:32b": 32768}
    assert far.table == {200_000: "claude"}
    assert scripted.kind is Kind.SCRIPTED
    assert len(scripted.table) == 4


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("providers: []", "at least 1 item"),
        ("providers: [{name: a, kind: ollama}]", "say which model is asked up to which size"),
        ("providers: [{name: a, kind: gpt, tiers: {4k: x}}]", "'scripted', 'ollama'"),
        ("providers: [{name: a, kind: ollama, tiers: {4m: x}}]", "write it as 16k"),
        ("providers: [{name: a, kind: ollama, tiers: {0: x}}]", "is no number of tokens"),
        ("providers: [{name: A, kind: scripted}]", "match pattern"),
        ("providers: [{name: a, kind: scripted, key: x}]", "Extra inputs"),
        ("providers: [{name: a, kind: scripted}, {name: a, kind: scripted}]", "name of its own"),
        ("providers: [{name: a, kind: ollama, script: x, tiers: {4k: x}}]", "only a provider"),
        ("providers: [", "is no YAML"),
    ],
)
def test_says_what_is_wrong_with_a_file(tmp_path: Path, text: str, told: str) -> None:
    path = _file(tmp_path, text)
    with pytest.raises(ValueError, match=r"models\.yaml") as raised:
        read_config(path)
    assert told in str(raised.value)


def test_says_that_there_is_no_file(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="No such file"):
        read_config(tmp_path / "none.yaml")


def test_sizes_are_written_as_people_do() -> None:
    assert [tokens_of(size) for size in ("4k", "16K", 200_000, "12")] == [4096, 16384, 200_000, 12]
    assert [size_of(tokens) for tokens in (4096, 262_144, 200_000)] == ["4k", "256k", "200000"]
