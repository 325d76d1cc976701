"""`adjutant chat`: say something, and read the answer as it is made."""

from typing import TYPE_CHECKING, Annotated

import typer

from services.cli import exits
from services.cli.ask import can_ask
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
        typer.Option("--session", help="The session to go on in, by its id or how that begins."),
    ] = None,
    new: Annotated[
        bool, typer.Option("--new", help="Begin a session, also where an answer has not ended.")
    ] = False,
    agent: Annotated[str, typer.Option("--agent", help="Who answers.")] = "",
    model: Annotated[str, typer.Option("--model", help="Which model, as `adjutant models`.")] = "",
    as_json: JsonOption = False,
) -> int:
    """Talk with an agent; Ctrl-C stops an answer, the end of input (Ctrl-D) ends the chat.

    An answer is made whether or not you read it: where one has not ended, the chat goes on there,
    and shows it first. TEXT, and what is piped in, begins a session unless one is named.
    """
    from services.cli.chatting import Chatting, unfinished
    from services.cli.resolve import session_name

    if chat is not None and new:
        raise exits.BadUseError("--new and --session exclude each other; leave one out")
    name = ""
    if chat is not None:
        name = await session_name(session, chat)
    elif text is None and can_ask() and not new:
        name = await unfinished(session)
    chatting = Chatting(session, name, agent, model, as_json=as_json)
    with chatting.stoppable():
        code = await chatting.go_on()
        return code if code == exits.INTERRUPTED else await chatting.talk(text)


def register(app: typer.Typer) -> None:
    """Add this command."""
    mesh_command(app, "chat")(chat)
