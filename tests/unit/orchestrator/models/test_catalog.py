import pytest

from services.mesh.errors import AdjutantError
from services.orchestrator.models.catalog import Catalog
from services.orchestrator.models.config import Kind, ModelsConfig, ProviderConfig
from services.orchestrator.models.estimate import request_tokens, text_tokens
from services.orchestrator.models.failures import FailureKind, ModelFailure
from services.orchestrator.models.port import ModelMessage, ModelRequest, Role, ToolCall, ToolSpec
from tests.support.models import asked

OUTPUT = 1000


def _provider(name: str, tiers: dict[str, str], **models: str) -> ProviderConfig:
    return ProviderConfig.model_validate(
        {"name": name, "kind": "ollama", "tiers": tiers, "models": models}
    )


@pytest.fixture
def catalog() -> Catalog:
    config = ModelsConfig(
        providers=(
            _provider("near", {"4k": "tiny", "16k": "small", "64k": "small"}, apart="32k"),
            _provider("far", {"8k": "other", "200000": "large"}),
        )
    )
    return Catalog(config, {}, OUTPUT)


@pytest.mark.parametrize(
    ("tokens", "model", "context"),
    [
        (0, "tiny", 4096),
        (4096 - OUTPUT, "tiny", 4096),
        (4096 - OUTPUT + 1, "small", 16384),
        (16384 - OUTPUT, "small", 16384),
        (16384 - OUTPUT + 1, "small", 65536),
        (65536 - OUTPUT, "small", 65536),
    ],
)
def test_the_smallest_tier_that_holds_it_is_asked(
    catalog: Catalog, tokens: int, model: str, context: int
) -> None:
    choice = catalog.choose_for(tokens)
    assert (choice.entry.provider.name, choice.entry.model) == ("near", model)
    assert choice.entry.context_tokens == context
    assert f"{tokens} tokens by estimate" in choice.reason
    assert f"{context // 1024}k" in choice.reason
    assert (choice.estimate.input_tokens, choice.estimate.output_tokens) == (tokens, OUTPUT)


def test_what_fits_no_tier_is_an_error_and_is_not_cut(catalog: Catalog) -> None:
    with pytest.raises(ModelFailure, match="near/small holds 65536") as raised:
        catalog.choose_for(65536 - OUTPUT + 1)
    assert raised.value.kind is FailureKind.CONTEXT_TOO_LONG
    assert raised.value.reason == "CONTEXT_TOO_LONG"
    assert not raised.value.transient


def test_the_answer_that_is_asked_for_counts(catalog: Catalog) -> None:
    assert catalog.choose_for(3000, 1096).entry.model == "tiny"
    assert catalog.choose_for(3000, 1097).entry.model == "small"


@pytest.mark.parametrize(
    ("named", "tokens", "chosen"),
    [
        ("far", 0, "far/other"),
        ("far", 100_000, "far/large"),
        ("near/small", 0, "near/small"),
        ("small", 0, "near/small"),
        ("large", 0, "far/large"),
        ("near/apart", 20_000, "near/apart"),
    ],
)
def test_a_provider_or_a_model_can_be_named(
    catalog: Catalog, named: str, tokens: int, chosen: str
) -> None:
    choice = catalog.choose_for(tokens, named=named)
    assert choice.entry.name == chosen
    assert "named" in choice.reason


def test_a_named_model_is_asked_in_its_smallest_context(catalog: Catalog) -> None:
    assert catalog.choose_for(0, named="near/small").entry.context_tokens == 16384
    assert catalog.choose_for(20_000, named="near/small").entry.context_tokens == 65536
    with pytest.raises(ModelFailure, match="holds 4096"):
        catalog.choose_for(4000, named="tiny")


def test_further_models_are_never_chosen_by_size(catalog: Catalog) -> None:
    assert catalog.choose_for(20_000).entry.model == "small"


def test_an_unknown_name_is_told_what_there_is(catalog: Catalog) -> None:
    with pytest.raises(
        AdjutantError, match="near/tiny, near/small, near/apart, far/other"
    ) as error:
        catalog.choose_for(0, named="gpt")
    assert (error.value.reason, error.value.field) == ("UNKNOWN_MODEL", "model")


@pytest.mark.parametrize(
    ("text", "least"),
    [
        ("", 0),
        ("the quick brown fox", 4),  # a token for each word
        ("1234567890", 4),  # three digits to a token at most
        ("{}[]();:", 4),
        ("příliš žluťoučký kůň", 9),
        ("敏捷的棕色狐狸", 7),  # one for each sign at least
        ("\ud800", 1),  # no Unicode, which a name of a file may be
    ],
)
def test_estimates_err_on_the_high_side(text: str, least: int) -> None:
    assert text_tokens(text) >= least
    assert text_tokens(text) <= max(1, len(text.encode(errors="replace")))


def test_everything_that_is_sent_counts() -> None:
    bare = request_tokens(asked("hello"))
    tool = ToolSpec("weather", "Tells the weather.", {"type": "object", "properties": {}})
    assert request_tokens(asked("hello", tools=(tool,))) > bare
    assert request_tokens(asked("hello", output_schema={"type": "object"})) > bare
    said = ModelMessage(Role.ASSISTANT, "", (ToolCall("c1", "weather", {"town": "Brno"}),))
    assert request_tokens(ModelRequest((*asked("hello").messages, said))) > bare + 8


def test_without_a_file_there_is_the_scripted_provider() -> None:
    from services.orchestrator.models.config import read_config

    [provider] = read_config(None).providers
    assert provider.kind is Kind.SCRIPTED
    assert list(provider.table) == [4096, 16384, 65536, 262144]
