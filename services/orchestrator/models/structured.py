"""Answers in a given form: a model is asked for JSON, and what it answers is checked."""

from contextlib import aclosing
from dataclasses import replace
from typing import Final, TypeVar

from pydantic import BaseModel, ValidationError

from services.orchestrator.models.failures import FailureKind, ModelFailure
from services.orchestrator.models.port import (
    CallScope,
    ModelMessage,
    ModelRequest,
    Models,
    Role,
    TextDelta,
)

TRIES: Final = 2
"""Answers that are looked at: what was wrong with the first is told to the model."""
_MOST_TEXT: Final = 1000
T = TypeVar("T", bound=BaseModel)


async def ask_for(
    form: type[T], models: Models, scope: CallScope, request: ModelRequest, model: str = ""
) -> T:
    """Return a model's answer in a form. ModelFailure, BROKEN where no answer holds to it."""
    request = replace(request, output_schema=form.model_json_schema())
    wrong = ""
    for _ in range(TRIES):
        text = await _text(models, scope, request, model)
        try:
            return form.model_validate_json(_bare(text))
        except ValidationError as error:
            wrong = _said(error)
        request = replace(request, messages=(*request.messages, *_again(text, wrong)))
    raise ModelFailure(
        FailureKind.BROKEN,
        f"The model did not answer in the form that was asked for: {wrong} Try again, or configure "
        "another model.",
    )


async def _text(models: Models, scope: CallScope, request: ModelRequest, model: str) -> str:
    async with aclosing(models.stream(scope, request, model)) as deltas:
        return "".join([delta.text async for delta in deltas if isinstance(delta, TextDelta)])


def _bare(text: str) -> str:
    """Return JSON without the fence that some models put around it."""
    text = text.strip()
    if text.startswith("```"):
        text = text.partition("\n")[2].removesuffix("```")
    return text


def _said(error: ValidationError) -> str:
    parts = (
        f"{'.'.join(str(part) for part in each['loc']) or 'the answer'}: {each['msg']}."
        for each in error.errors(include_url=False)
    )
    return " ".join(parts)[:_MOST_TEXT]


def _again(text: str, wrong: str) -> tuple[ModelMessage, ModelMessage]:
    asked = f"That does not hold to the schema: {wrong} Answer again, with the JSON alone."
    return ModelMessage(Role.ASSISTANT, text), ModelMessage(Role.USER, asked)
