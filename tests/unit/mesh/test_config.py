"""Settings: from the environment, with a default, a unit and a docstring each."""

import importlib
import pathlib

import pytest
from pydantic import ValidationError

from services.mesh.config import MeshSettings
from services.ports import OFFSETS, PORT_BASE_DEFAULT

SERVICES = sorted(
    path.parent.name for path in pathlib.Path(__file__).parents[3].glob("services/*/settings.py")
)
UNITS = {"_s": "Seconds", "_bytes": "Bytes", "_ratio": "Share"}


def settings_of(service: str) -> type[MeshSettings]:
    module = importlib.import_module(f"services.{service}.settings")
    (found,) = (kind for kind in vars(module).values() if _is_settings(kind, service))
    return found  # type: ignore[no-any-return]


def _is_settings(kind: object, service: str) -> bool:
    if not (isinstance(kind, type) and issubclass(kind, MeshSettings)):
        return False
    return kind.service == service


class KnowledgeBaseSettings(MeshSettings):
    service = "knowledge_base"


@pytest.fixture(autouse=True)
def _no_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in MeshSettings.model_fields:
        monkeypatch.delenv(f"ADJUTANT_{name.upper()}", raising=False)


def test_everything_has_a_default() -> None:
    settings = MeshSettings()
    assert settings.data_dir == pathlib.Path.home() / ".adjutant"
    assert settings.host == "127.0.0.1"
    assert settings.port_base == PORT_BASE_DEFAULT
    assert settings.nats_address == f"nats://127.0.0.1:{PORT_BASE_DEFAULT}"


@pytest.mark.parametrize(
    ("variable", "value", "name", "expected"),
    [
        ("ADJUTANT_DATA_DIR", "/srv/adjutant", "data_dir", pathlib.Path("/srv/adjutant")),
        ("ADJUTANT_PORT_BASE", "9000", "port_base", 9000),
        ("ADJUTANT_NATS_URL", "nats://elsewhere:4222", "nats_address", "nats://elsewhere:4222"),
        ("ADJUTANT_STREAM_HEARTBEAT_S", "0.5", "stream_heartbeat_s", 0.5),
        ("ADJUTANT_SQLITE_SYNCHRONOUS", "FULL", "sqlite_synchronous", "FULL"),
    ],
)
def test_the_environment_wins(
    monkeypatch: pytest.MonkeyPatch, variable: str, value: str, name: str, expected: object
) -> None:
    monkeypatch.setenv(variable, value)
    assert getattr(MeshSettings(), name) == expected


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("ADJUTANT_PORT_BASE", "80"),
        ("ADJUTANT_PORT_BASE", "many"),
        ("ADJUTANT_LEASE_TTL_S", "0"),
        ("ADJUTANT_STREAM_HEARTBEAT_S", "-1"),
        ("ADJUTANT_TRACE_SAMPLE_RATIO", "2"),
        ("ADJUTANT_SQLITE_SYNCHRONOUS", "OFF"),
        ("ADJUTANT_LOG_LEVEL", "LOUD"),
    ],
)
def test_a_value_that_makes_no_sense_is_refused(
    monkeypatch: pytest.MonkeyPatch, variable: str, value: str
) -> None:
    monkeypatch.setenv(variable, value)
    with pytest.raises(ValidationError, match=variable.removeprefix("ADJUTANT_").lower()):
        MeshSettings()


def test_a_service_has_its_port_and_its_folder() -> None:
    settings = KnowledgeBaseSettings(port_base=9000, data_dir=pathlib.Path("/srv"))
    assert settings.port == 9000 + OFFSETS["knowledge_base"]
    assert settings.service_dir == pathlib.Path("/srv/knowledge_base")
    assert settings.address_of("orchestrator") == f"127.0.0.1:{9000 + OFFSETS['orchestrator']}"


@pytest.mark.parametrize("service", SERVICES)
def test_every_setting_says_what_it_means_and_in_which_unit(service: str) -> None:
    for name, field in settings_of(service).model_fields.items():
        assert not field.is_required(), f"{name} has no default"
        assert (field.description or "").endswith("."), f"{name} has no docstring"
        if field.annotation is float:
            assert name.endswith(tuple(UNITS)), f"{name} does not tell its unit"
        for suffix, word in UNITS.items():
            if name.endswith(suffix):
                assert word in (field.description or ""), f"{name} is to be told in {word}"


def test_each_replica_has_ports_and_a_name_of_its_own() -> None:
    first, second = (KnowledgeBaseSettings(port_base=9000, replicas=2, replica=n) for n in (0, 1))
    assert second.port == first.port + 10
    assert first.holder != second.holder
    assert first.addresses_of("orchestrator") == ("127.0.0.1:9001", "127.0.0.1:9011")
    assert first.address_of("orchestrator") == "127.0.0.1:9001,127.0.0.1:9011"
    assert first.nats_address == second.nats_address
