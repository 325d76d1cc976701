"""Who makes an answer, as who drives it sees it: direct and orchestrated modes plug in here."""

from collections.abc import AsyncGenerator
from typing import Protocol

from services.orchestrator.models.port import Finished, TextDelta
from services.orchestrator.responses.response import ResponseRecord


class Responder(Protocol):
    """Makes answers."""

    def answer(self, response: ResponseRecord) -> AsyncGenerator[TextDelta | Finished, None]:
        """Yield the answer as it comes, `Finished` last.

        Closing the generator stops what makes it, and returns when that has ended. It raises
        AdjutantError, whose reason and message become the response's failure. It may be called
        again for the same response, as a new attempt, when whoever called it was gone.
        """
