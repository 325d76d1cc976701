"""How the hierarchy, members, keys and the audit log look on a terminal."""

from __future__ import annotations

import datetime
from typing import TYPE_CHECKING, Any, Final

from services.cli.render import age, plain, state, table
from services.cli.rules import shown
from services.client import last_part

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.console import Console
    from rich.table import Table

    from adjutant_messages.adjutant.orchestrator import v1
    from services.cli.session import Session

_WIDTH: Final = 12


def nodes_table(noun: str, nodes: Sequence[Any]) -> Table:
    """Return a list of clients, groups or projects."""
    found = table(noun, "group", "created", "name") if noun == "project" else None
    found = found or table(noun, "created", "name")
    for node in nodes:
        group = [last_part(node.group)] if noun == "project" else []
        row = [last_part(node.name), *group, age(node.create_time), plain(node.display_name)]
        found.add_row(*row)
    return found


def show_node(session: Session, node: Any) -> None:
    """Print one client, group or project."""
    session.say(node.name)
    _line(session, "name", node.display_name)
    _line(session, "about", node.description)
    _line(session, "group", getattr(node, "group", ""))
    if node.settings and node.settings.approval_policy is not None:
        _line(session, "approvals", node.settings.approval_policy.name.lower())
    if node.settings and node.settings.share_knowledge is not None:
        _line(session, "knowledge", "shared" if node.settings.share_knowledge else "not shared")
    if node.settings and node.settings.max_parallel_steps is not None:
        _line(session, "parallel", f"{node.settings.max_parallel_steps} steps of a task")
    for name, value in shown(node.settings) if node.settings else ():
        session.say(f"  {name} = {value}")
    if node.settings and node.settings.plan_approval_complexity is not None:
        above = node.settings.plan_approval_complexity
        _line(session, "plans", f"approved by a person above complexity {above}")


def show_effective(session: Session, found: v1.EffectiveProject) -> None:
    """Print what holds in a project, and who decided it."""
    policy = (found.approval_policy.name or "").lower()
    _line(session, "approvals", f"{policy}  ({found.approval_policy_source or 'default'})")
    shared = "shared" if found.share_knowledge else "not shared"
    _line(session, "knowledge", f"{shared}  ({found.share_knowledge_source or 'default'})")
    parallel = f"{found.max_parallel_steps} steps of a task"
    _line(session, "parallel", f"{parallel}  ({found.max_parallel_steps_source or 'default'})")
    for number, name in enumerate(found.knowledge_projects):
        _line(session, "" if number else "sees", name)
    for number, connection in enumerate(found.connections):
        _line(session, "" if number else "reaches", f"{connection.uri_prefix}  ({connection.name})")


def members_table(members: Sequence[v1.Member]) -> Table:
    """Return a list of members."""
    found = table("member", "role", "since")
    for member in members:
        found.add_row(plain(member.principal), role(member), age(member.create_time))
    return found


def keys_table(keys: Sequence[v1.ApiKey]) -> Table:
    """Return a list of API keys."""
    found = table("key", "state", "role", "last used", "name")
    for key in keys:
        found.add_row(
            last_part(key.name),
            state(_key_state(key)),
            role(key),
            age(key.last_used_time),
            plain(key.display_name),
        )
    return found


def show_key(session: Session, key: v1.ApiKey) -> None:
    """Print one API key, without its token."""
    session.say(key.name)
    _line(session, "name", key.display_name)
    _line(session, "state", _key_state(key).lower())
    _line(session, "role", role(key))
    names = [permission.name or "" for permission in key.permissions]
    _line(session, "may only", ", ".join(names).lower())
    _line(session, "made by", key.creator)
    _line(session, "ends", _moment(key.expire_time))
    _line(session, "last used", _moment(key.last_used_time))


def connections_table(connections: Sequence[v1.Connection]) -> Table:
    """Return a list of connections."""
    found = table("connection", "uri", "username", "secret", "changed", "title")
    for one in connections:
        stored = "stored" if one.has_secret else "none"
        found.add_row(
            last_part(one.name),
            plain(one.uri_prefix),
            plain(one.username) or "adjutant",
            stored,
            age(one.update_time),
            plain(one.display_name),
        )
    return found


def show_connection(session: Session, connection: v1.Connection) -> None:
    """Print one connection; nobody is shown its secret."""
    session.say(connection.name)
    _line(session, "title", connection.display_name)
    _line(session, "uri", connection.uri_prefix)
    _line(session, "username", connection.username or "adjutant")
    _line(session, "secret", "stored" if connection.has_secret else "none")


def audit_table(entries: Sequence[v1.AuditEntry]) -> Table:
    """Return entries of the audit log."""
    found = table("time", "kind", "who", "what", "where", "with")
    for entry in entries:
        times = f" x{entry.count}" if entry.count > 1 else ""
        found.add_row(
            _moment(entry.time),
            (entry.kind.name or "").lower() + times,
            _who(entry),
            entry.method.rpartition("/")[2],
            plain(entry.resource) or "the mesh",
            _with(entry),
        )
    return found


def fits(console: Console, listed: Table) -> bool:
    """Tell whether a table has room for all that its columns hold."""
    unbounded = console.options.update(max_width=10_000)
    return console.measure(listed, options=unbounded).maximum <= console.width


def audit_lines(entry: v1.AuditEntry) -> tuple[str, str]:
    """Return an entry of the audit log as two lines, for a terminal without room for columns."""
    times = f" x{entry.count}" if entry.count > 1 else ""
    kind = (entry.kind.name or "").lower() + times
    first = (_moment(entry.time), kind, entry.method.rpartition("/")[2], _with(entry))
    where = plain(entry.resource) or "the mesh"
    return "  ".join(part for part in first if part), f"    {_who(entry)}  at {where}"


def _with(entry: v1.AuditEntry) -> str:
    """Return why a call was refused, or what it asked for."""
    if entry.denial.value:
        return entry.denial.name or ""
    values = (detail.value.removeprefix("ROLE_") for detail in entry.details)
    return plain(", ".join(values))


def _who(entry: v1.AuditEntry) -> str:
    caller = plain(entry.principal) or "?"
    return f"{plain(entry.on_behalf_of)} by {caller}" if entry.on_behalf_of else caller


def show_identity(session: Session, found: v1.GetIdentityResponse) -> None:
    """Print who one is, and where one may do what."""
    session.say(found.principal)
    _line(session, "shown by", found.credential)
    _line(session, "until", _moment(found.expire_time))
    if found.administrator:
        _line(session, "may", "do everything everywhere")
    for grant in found.grants:
        _line(session, (grant.role.name or "").lower(), grant.resource)
    if not found.administrator and not found.grants:
        session.say("  No role anywhere; an owner can give one: adjutant members set")


def role(holder: v1.Member | v1.ApiKey) -> str:
    """Return a role as people write it."""
    return (holder.role.name or "").lower()


def _key_state(key: v1.ApiKey) -> str:
    if key.revoke_time:
        return "REVOKED"
    now = datetime.datetime.now(datetime.UTC)
    return "EXPIRED" if key.expire_time and key.expire_time <= now else "ACTIVE"


def _moment(time: datetime.datetime | None) -> str:
    return time.astimezone().strftime("%Y-%m-%d %H:%M:%S") if time else ""


def _line(session: Session, label: str, text: str) -> None:
    if text:
        session.say(f"  {label:<{_WIDTH}}{plain(text)}")
