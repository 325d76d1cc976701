"""How sessions look on a terminal."""

from __future__ import annotations

import datetime
from typing import TYPE_CHECKING, Final

from rich.text import Text

from adjutant_messages.adjutant.orchestrator import v1
from services.cli.render import age, plain, table
from services.client import last_part

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.table import Table

    from services.cli.session import Session

_WIDTH: Final = 12


def sessions_table(sessions: Sequence[v1.Session], *, with_users: bool) -> Table:
    """Return a list of sessions."""
    users = ("user",) if with_users else ()
    found = table("session", *users, "messages", "last", "agent", "title")
    for one in sessions:
        found.add_row(
            last_part(one.name),
            *([plain(one.user)] if with_users else []),
            str(one.message_count),
            age(one.last_message_time),
            plain(one.agent),
            plain(one.display_name),
        )
    return found


def show_session(session: Session, chat: v1.Session) -> None:
    """Print one session, without what was said."""
    session.say(chat.name)
    lines = [
        ("title", chat.display_name),
        ("user", chat.user),
        ("agent", chat.agent),
        ("messages", str(chat.message_count)),
        ("begun", _moment(chat.create_time)),
    ]
    for label, text in lines:
        if text:
            session.say(f"  {label:<{_WIDTH}}{plain(text)}")


def show_message(session: Session, message: v1.ChatMessage) -> None:
    """Print what was said, below who said it and when."""
    session.say("")
    session.console.print(Text(_head(message), "dim"), soft_wrap=True)
    for line in message.text.splitlines():
        session.say(plain(line))


def show_match(session: Session, match: v1.ChatMatch) -> None:
    """Print where something was said, and the words that were found in it."""
    message = match.message or v1.ChatMessage()
    where = last_part(message.name.partition("/messages/")[0])
    session.console.print(Text(f"{where}  {_head(message)}", "dim"), soft_wrap=True)
    text, done = Text("  "), 0
    for found in match.highlights:
        text.append(plain(match.snippet[done : found.start]))
        text.append(plain(match.snippet[found.start : found.end]), "bold")
        done = found.end
    text.append(plain(match.snippet[done:]))
    session.console.print(text, soft_wrap=True)


def _head(message: v1.ChatMessage) -> str:
    who = message.user or message.agent or ("task" if message.task else "assistant")
    return plain(f"{message.number}  {who}  {_moment(message.create_time)}")


def _moment(time: datetime.datetime | None) -> str:
    """Return a time where this machine is."""
    return time.astimezone().strftime("%Y-%m-%d %H:%M:%S %Z") if time else ""
