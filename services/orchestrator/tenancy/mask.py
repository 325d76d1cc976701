"""Update masks: which fields of a client, group or project a caller changes."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from services.mesh.errors import AdjutantError
from services.orchestrator.choices import APPROVAL_POLICIES, ESCALATION_POLICIES
from services.orchestrator.tasks.money import MoneyRecord
from services.orchestrator.tenancy.node import NodeRecord, SettingsRecord


def settings_of(message: Any) -> SettingsRecord:
    """Return the settings of a message; what is absent or unspecified is inherited."""
    settings = message.settings
    return SettingsRecord(
        approval_policy=APPROVAL_POLICIES.get(settings.approval_policy),
        share_knowledge=settings.share_knowledge if settings.HasField("share_knowledge") else None,
        max_parallel_steps=settings.max_parallel_steps or None,
        plan_approval_complexity=_given(settings, "plan_approval_complexity"),
        auto_approve_low_risk=_given(settings, "auto_approve_low_risk"),
        approval_timeout_medium_s=_seconds(settings, "approval_timeout_medium"),
        approval_timeout_high_s=_seconds(settings, "approval_timeout_high"),
        escalation_policy=ESCALATION_POLICIES.get(settings.escalation_policy),
        max_step_iterations=settings.max_step_iterations or None,
        cost_limit=_money(settings),
    )


def _given(settings: Any, field: str) -> Any:
    return getattr(settings, field) if settings.HasField(field) else None


def _seconds(settings: Any, field: str) -> float | None:
    span = _given(settings, field)
    return float(span.ToTimedelta().total_seconds()) if span is not None else None


def _money(settings: Any) -> MoneyRecord | None:
    limit = _given(settings, "cost_limit")
    if limit is None:
        return None
    return MoneyRecord.of(limit)


def _set_setting(field: str) -> Callable[[Any, Any], None]:
    return lambda record, message: setattr(
        record.settings, field, getattr(settings_of(message), field)
    )


def _set_settings(record: NodeRecord, message: Any) -> None:
    record.settings = settings_of(message)


def _set_text(field: str) -> Callable[[Any, Any], None]:
    return lambda record, message: setattr(record, field, getattr(message, field))


SETTERS: Final[Mapping[str, Callable[[Any, Any], None]]] = {
    "display_name": _set_text("display_name"),
    "description": _set_text("description"),
    "settings": _set_settings,
    "settings.approval_policy": _set_setting("approval_policy"),
    "settings.share_knowledge": _set_setting("share_knowledge"),
    "settings.auto_approve_low_risk": _set_setting("auto_approve_low_risk"),
    "settings.approval_timeout_medium": _set_setting("approval_timeout_medium_s"),
    "settings.approval_timeout_high": _set_setting("approval_timeout_high_s"),
    "settings.escalation_policy": _set_setting("escalation_policy"),
    "settings.max_step_iterations": _set_setting("max_step_iterations"),
    "settings.cost_limit": _set_setting("cost_limit"),
    "settings.max_parallel_steps": _set_setting("max_parallel_steps"),
    "settings.plan_approval_complexity": _set_setting("plan_approval_complexity"),
    "group": _set_text("group"),
}
"""Path in a mask to what it changes."""
NODE_PATHS: Final = tuple(path for path in SETTERS if path != "group")
PROJECT_PATHS: Final = tuple(SETTERS)


def paths_of(message: Any, asked: Sequence[str], known: Sequence[str]) -> list[str]:
    """Return the paths to change; all that are set where none is asked for. INVALID_REQUEST."""
    for path in asked:
        if path not in known:
            raise AdjutantError(
                "INVALID_REQUEST",
                f"{path!r} is no field that can be changed; use {', '.join(known)}.",
                field="update_mask",
            )
    return list(asked) or [path for path in known if _is_set(message, path)]


def apply(record: NodeRecord, message: Any, paths: Sequence[str]) -> None:
    """Change a record in place."""
    for path in paths:
        SETTERS[path](record, message)


def _is_set(message: Any, path: str) -> bool:
    *parents, field = path.split(".")
    for parent in parents:
        message = getattr(message, parent)
    if path == "settings":
        return False  # its fields are looked at one by one, so that the others stay
    has_presence = message.DESCRIPTOR.fields_by_name[field].has_presence
    return bool(message.HasField(field) if has_presence else getattr(message, field))
