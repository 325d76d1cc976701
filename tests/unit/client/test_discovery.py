"""Where the client looks for a mesh, and in which order."""

import json
import pathlib

import pytest

from services.client import ConfigurationError, UnreachableError
from services.client.discovery import find_mesh


def _mesh_file(data_dir: pathlib.Path, port: int) -> None:
    addresses = {"orchestrator": f"127.0.0.1:{port}"}
    (data_dir / "mesh.json").write_text(json.dumps({"pid": 1, "addresses": addresses}))


def test_the_default_is_the_default_port_base(tmp_path: pathlib.Path) -> None:
    found = find_mesh(environ={"HOME": str(tmp_path)}).addresses
    assert found["orchestrator"].endswith(":7401")
    assert found["notification"].endswith(":7405")


def test_an_explicit_address_wins_over_everything(tmp_path: pathlib.Path) -> None:
    _mesh_file(tmp_path, 1)
    environ = {"ADJUTANT_ADDRESS": "b:2", "ADJUTANT_DATA_DIR": str(tmp_path)}
    assert find_mesh(["a:1"], environ).addresses["orchestrator"] == "a:1"
    assert find_mesh((), environ).addresses["orchestrator"] == "b:2"


def test_one_front_door_serves_all_but_what_is_named() -> None:
    found = find_mesh(["agent_runner=r:1", "door:2"]).addresses
    assert found["agent_runner"] == "r:1"
    assert found["orchestrator"] == found["notification"] == "door:2"


def test_the_variable_takes_several_separated_by_commas() -> None:
    found = find_mesh((), {"ADJUTANT_ADDRESS": "orchestrator=o:1, agent_runner=r:2"}).addresses
    assert found == {"orchestrator": "o:1", "agent_runner": "r:2"}


def test_the_data_directory_wins_over_the_port_base(tmp_path: pathlib.Path) -> None:
    environ = {"ADJUTANT_DATA_DIR": str(tmp_path), "ADJUTANT_PORT_BASE": "9000"}
    assert find_mesh((), environ).addresses["orchestrator"] == "127.0.0.1:9001"
    _mesh_file(tmp_path, 5)
    assert find_mesh((), environ).addresses["orchestrator"] == "127.0.0.1:5"


def test_a_data_directory_without_a_mesh_is_no_reason_to_ask_another_mesh(
    tmp_path: pathlib.Path,
) -> None:
    with pytest.raises(UnreachableError, match=r"no mesh runs in .*adjutant up"):
        find_mesh((), {"ADJUTANT_DATA_DIR": str(tmp_path)})


@pytest.mark.parametrize("entry", ["localhost", "host:port", "=a:1", ":1"])
def test_what_is_no_address_is_said_so(entry: str) -> None:
    with pytest.raises(ConfigurationError, match=r"address|service"):
        find_mesh([entry])


def test_an_unknown_service_is_named_with_those_that_exist() -> None:
    with pytest.raises(ConfigurationError, match=r"there are nats, orchestrator"):
        find_mesh(["planner=a:1"])


def test_a_broken_mesh_file_is_named(tmp_path: pathlib.Path) -> None:
    (tmp_path / "mesh.json").write_text("{")
    with pytest.raises(ConfigurationError, match=r"mesh\.json"):
        find_mesh((), {"ADJUTANT_DATA_DIR": str(tmp_path)})


def test_a_port_base_must_be_a_number() -> None:
    with pytest.raises(ConfigurationError, match="ADJUTANT_PORT_BASE"):
        find_mesh((), {"ADJUTANT_PORT_BASE": "abc"})


def test_several_addresses_of_a_service_are_its_replicas() -> None:
    found = find_mesh(["orchestrator=a:1", "orchestrator=b:2", "door:3", "gate:4"]).addresses
    assert found["orchestrator"] == "a:1,b:2"
    assert found["notification"] == "door:3,gate:4"


def test_the_file_names_all_replicas_and_readers_of_before_find_the_first(
    tmp_path: pathlib.Path,
) -> None:
    mesh = {
        "addresses": {"orchestrator": "a:1", "notification": "n:1"},
        "replicas": {"orchestrator": ["a:1", "b:2"]},
    }
    (tmp_path / "mesh.json").write_text(json.dumps(mesh))
    found = find_mesh((), {"ADJUTANT_DATA_DIR": str(tmp_path)}).addresses
    assert found == {"orchestrator": "a:1,b:2", "notification": "n:1"}
