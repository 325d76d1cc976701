"""Update masks: what they name is changed, and nothing else."""

import pytest
from google.protobuf import duration_pb2
from hypothesis import given
from hypothesis import strategies as st

from adjutant.common.v1 import approval_pb2, money_pb2
from adjutant.orchestrator.v1 import project_pb2, settings_pb2, task_pb2
from services.mesh.errors import AdjutantError
from services.mesh.store import now
from services.orchestrator.tenancy.mask import NODE_PATHS, PROJECT_PATHS, apply, paths_of
from services.orchestrator.tenancy.node import SettingsRecord
from services.orchestrator.tenancy.project import ProjectRecord

NAMES = settings_pb2.Settings.DESCRIPTOR.fields_by_name.keys()
LEAVES = [path for path in PROJECT_PATHS if path != "settings"]
NEW = project_pb2.Project(
    display_name="new",
    description="new",
    group="clients/a/groups/new",
    settings=settings_pb2.Settings(
        approval_policy=task_pb2.APPROVAL_POLICY_APPROVE,
        share_knowledge=False,
        max_parallel_steps=2,
        plan_approval_complexity=0,
        auto_approve_low_risk=True,
        approval_timeout_medium=duration_pb2.Duration(seconds=90),
        approval_timeout_high=duration_pb2.Duration(seconds=120),
        escalation_policy=approval_pb2.ESCALATION_POLICY_ASK,
        max_step_iterations=3,
        cost_limit=money_pb2.Money(currency_code="EUR", units=1),
    ),
)


def old() -> ProjectRecord:
    return ProjectRecord(
        name="clients/a/projects/p",
        create_time=now(),
        update_time=now(),
        display_name="old",
        description="old",
        group="clients/a/groups/old",
        settings=SettingsRecord(approval_policy="ASK", share_knowledge=True),
    )


def values(record: ProjectRecord) -> dict[str, object]:
    return {
        "display_name": record.display_name,
        "description": record.description,
        "group": record.group,
        **{f"settings.{name}": _setting(record, name) for name in NAMES},
    }


def _setting(record: ProjectRecord, name: str) -> object:
    field = f"{name}_s" if "timeout" in name else name
    return getattr(record.settings, field)


@given(st.lists(st.sampled_from(LEAVES), unique=True, min_size=1))
def test_what_a_mask_names_is_changed_and_nothing_else(paths: list[str]) -> None:
    record, before, whole = old(), values(old()), old()
    apply(whole, NEW, LEAVES)
    apply(record, NEW, paths_of(NEW, paths, PROJECT_PATHS))
    for path, value in values(record).items():
        assert value == (values(whole) if path in paths else before)[path]


def only(name: str) -> settings_pb2.Settings:
    """Return one of the new settings."""
    kept = settings_pb2.Settings()
    kept.CopyFrom(NEW.settings)
    for other in set(NAMES) - {name}:
        kept.ClearField(other)
    return kept


@given(st.sets(st.sampled_from(LEAVES)))
def test_without_a_mask_what_is_set_is_changed(fields: set[str]) -> None:
    message = project_pb2.Project()
    for path in fields:
        if path.startswith("settings."):
            name = path.partition(".")[2]
            message.settings.MergeFrom(only(name))
        else:
            setattr(message, path, getattr(NEW, path))
    assert set(paths_of(message, (), PROJECT_PATHS)) == fields


def test_the_settings_as_a_whole_replace_all_of_them() -> None:
    record = old()
    message = project_pb2.Project(settings=settings_pb2.Settings(share_knowledge=False))
    apply(record, message, ["settings"])
    assert record.settings == SettingsRecord(approval_policy=None, share_knowledge=False)


@pytest.mark.parametrize("path", ["name", "etag", "settings.colour", "", "create_time", "members"])
def test_other_fields_are_refused_with_those_that_can_be_changed(path: str) -> None:
    with pytest.raises(AdjutantError) as caught:
        paths_of(NEW, [path], PROJECT_PATHS)
    assert caught.value.reason == "INVALID_REQUEST"
    assert caught.value.field == "update_mask"
    assert "display_name" in caught.value.message


def test_a_client_is_in_no_group() -> None:
    with pytest.raises(AdjutantError):
        paths_of(NEW, ["group"], NODE_PATHS)
