"""`adjutant chat`: say something, and read the answer as it is made."""

from typing import TYPE_CHECKING, Annotated

import typer

from services.cli import exits
from services.cli.command import JsonOption, mesh_command

if TYPE_CHECKING:
    from services.cli.session import Session


async def chat(
    session: "Session",
    text: Annotated[
        str | None, typer.Argument(help="What to say; without it you are asked, again and again.")
    ] = None,
    chat: Annotated[
        str | None,
        typer.Option("--session", help="The session to go on in; a new one unless given."),
    ] = None,
    agent: Annotated[str, typer.Option("--agent", help="Who answers.")] = "",
    model: Annotated[str, typer.Option("--model", help="Which model, as `adjutant models`.")] = "",
    as_json: JsonOption = False,
) -> int:
    """Talk with an agent; Ctrl-C stops an answer, the end of input (Ctrl-D) ends the chat.

    An answer is made whether or not you read it: one that had not ended is gone on with first.
    """
    from services.cli.chatting import Chatting
    from services.cli.resolve import session_name

    if chat is None:
        name = (await session.adjutant.sessions.create(agent=agent)).name
    else:
        name = await session_name(session, chat)
    chatting = Chatting(session, name, agent, model, as_json=as_json)
    with chatting.stoppable():
        code = await chatting.go_on()
        return code if code == exits.INTERRUPTED else await chatting.talk(text)


def register(app: typer.Typer) -> None:
    """Add this command."""
    mesh_command(app, "chat")(chat)
