"""What a model is told before it answers."""

import pytest

from services.mesh.store import now
from services.orchestrator.agents.prompt import conversation
from services.orchestrator.chat.context import Context, Passage
from services.orchestrator.chat.message import USER, ChatMessageRecord

EARLIER = "Earlier messages of this conversation are left out."
KNOWN = "Some of what is known is left out."


@pytest.mark.parametrize("history_complete", [True, False])
@pytest.mark.parametrize("passages_complete", [True, False])
def test_it_is_told_where_something_is_left_out(
    history_complete: bool, passages_complete: bool
) -> None:
    time = now()
    question = ChatMessageRecord(
        name="clients/acme/projects/web/sessions/s/messages/m",
        create_time=time,
        update_time=time,
        number=1,
        author=USER,
        text="and now?",
        owner="ada",
    )
    known = (Passage("docs/a.md", "A is so."),)
    context = Context(question, (), known, history_complete, passages_complete)
    system = conversation("You help.", context)[0].text
    assert system.startswith("You help.\n\nWhat is known:\n\ndocs/a.md:\nA is so.")
    assert (EARLIER in system) is not history_complete
    assert (KNOWN in system) is not passages_complete
