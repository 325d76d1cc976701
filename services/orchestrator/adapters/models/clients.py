"""Makes the LangChain clients of providers. They neither retry nor bound time: the gateway does."""

import importlib.util
import os
from typing import TYPE_CHECKING, Any, Final

from services.orchestrator.adapters.models.model import Form, LangChainModel
from services.orchestrator.models.config import Kind, ProviderConfig
from services.orchestrator.models.failures import FailureKind, ModelFailure
from services.orchestrator.models.port import ModelRequest

if TYPE_CHECKING:
    from langchain_core.language_models import BaseChatModel

_PACKAGES: Final = {
    Kind.OLLAMA: "langchain_ollama",
    Kind.OPENAI: "langchain_openai",
    Kind.ANTHROPIC: "langchain_anthropic",
}
_KEYS: Final = {Kind.OPENAI: "OPENAI_API_KEY", Kind.ANTHROPIC: "ANTHROPIC_API_KEY"}
_CONNECT_S: Final = 10.0
_NO_KEY: Final = "none"


def make_model(provider: ProviderConfig, model: str, context_tokens: int) -> LangChainModel:
    """Return a provider's model. ModelFailure REFUSED where something for it is missing."""
    if missing := missing_for(provider):
        raise ModelFailure(FailureKind.REFUSED, missing, provider=provider.name, model=model)
    client, form = _MAKERS[provider.kind](provider, model, context_tokens)
    return LangChainModel(client, form, provider.name, model, context_tokens)


def missing_for(provider: ProviderConfig) -> str:
    """Return what is missing for a provider to be asked, for people; empty where nothing is."""
    package = _PACKAGES.get(provider.kind)
    if package and importlib.util.find_spec(package) is None:
        return (
            f"The client of {provider.name} is not installed where the orchestrator runs: "
            f"pip install 'adjutant[{provider.kind}]'."
        )
    if _needs_key(provider) and not _key(provider):
        return (
            f"{provider.name} needs a key: set {_key_variable(provider)} where the orchestrator "
            "runs, and start it again."
        )
    return ""


def _needs_key(provider: ProviderConfig) -> bool:
    return bool(_key_variable(provider))


def _key_variable(provider: ProviderConfig) -> str:
    """Return the variable that has the key; empty where none is sent.

    A maker's key goes to the maker alone: for another address a file names the key itself.
    """
    return provider.api_key_env or ("" if provider.url else _KEYS.get(provider.kind, ""))


def _key(provider: ProviderConfig) -> str:
    return os.environ.get(_key_variable(provider), "")


def _ollama(
    provider: ProviderConfig, model: str, context_tokens: int
) -> "tuple[BaseChatModel, Form]":
    from langchain_ollama import ChatOllama

    # Without a timeout, its client waits for ever to connect too; the gateway ends that.
    client = ChatOllama(model=model, base_url=provider.url or None)

    def form(request: ModelRequest) -> dict[str, Any]:
        options: dict[str, Any] = {"num_ctx": context_tokens}
        if request.max_output_tokens is not None:
            options["num_predict"] = request.max_output_tokens
        if request.temperature is not None:
            options["temperature"] = request.temperature
        shape = {"format": request.output_schema} if request.output_schema is not None else {}
        return {"options": options, **shape}

    return client, form


def _openai(provider: ProviderConfig, model: str, _: int) -> "tuple[BaseChatModel, Form]":
    import openai
    from langchain_openai import ChatOpenAI

    client = ChatOpenAI(
        model=model,
        base_url=provider.url or None,
        api_key=lambda: _key(provider) or _NO_KEY,
        timeout=openai.Timeout(None, connect=_CONNECT_S),
        max_retries=0,
        stream_usage=True,
        stream_chunk_timeout=None,
        use_responses_api=False,
    )

    def form(request: ModelRequest) -> dict[str, Any]:
        if request.output_schema is None:
            return _bounds(request)
        schema = {"name": _title(request.output_schema), "schema": request.output_schema}
        shape = {"type": "json_schema", "json_schema": schema}
        # Not as response_format: the client would take the answer apart itself, and not stream.
        return {**_bounds(request), "extra_body": {"response_format": shape}}

    return client, form


def _anthropic(provider: ProviderConfig, model: str, _: int) -> "tuple[BaseChatModel, Form]":
    from langchain_anthropic import ChatAnthropic
    from pydantic import SecretStr

    urls = {"base_url": provider.url} if provider.url else {}
    client = ChatAnthropic(
        model_name=model,
        api_key=SecretStr(_key(provider) or _NO_KEY),
        timeout=None,
        max_retries=0,
        stop=None,
        **urls,
    )

    def form(request: ModelRequest) -> dict[str, Any]:
        if request.output_schema is None:
            return _bounds(request)
        shape = {"type": "json_schema", "schema": request.output_schema}
        return {**_bounds(request), "output_config": {"format": shape}}

    return client, form


_MAKERS: Final = {Kind.OLLAMA: _ollama, Kind.OPENAI: _openai, Kind.ANTHROPIC: _anthropic}


def _bounds(request: ModelRequest) -> dict[str, Any]:
    given = {"max_tokens": request.max_output_tokens, "temperature": request.temperature}
    return {name: value for name, value in given.items() if value is not None}


def _title(schema: dict[str, Any]) -> str:
    words = str(schema.get("title", "answer"))
    return "".join(each if each.isalnum() and each.isascii() else "_" for each in words)[:64]
