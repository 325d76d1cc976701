"""Resource names and ids."""

import pytest

from services.mesh import names

RUN = "clients/acme/projects/web/runs/r-1"


def test_ids_are_unique_and_sort_as_they_were_made() -> None:
    ids = [names.new_id() for _ in range(1000)]
    assert len(set(ids)) == 1000
    assert ids == sorted(ids)


def test_an_id_may_stand_in_a_name() -> None:
    assert set(names.new_id()) <= set("0123456789abcdef-")


def test_a_child_is_named_under_its_project() -> None:
    assert names.child("clients/acme/projects/web", "runs", "r-1") == RUN


def test_a_name_tells_where_it_belongs() -> None:
    assert names.project_of(RUN) == ("acme", "web")
    assert names.project_of("clients/acme/projects/web") == ("acme", "web")
    assert names.parent_of(RUN) == "clients/acme/projects/web"
    assert names.parent_of("clients/acme/projects/web") == "clients/acme"
    assert names.parent_of("clients/acme") == ""
    assert names.collection_and_id(RUN) == ("runs", "r-1")


@pytest.mark.parametrize(
    "name", ["clients/acme", "clients/acme/groups/g", "clients/acme/groups/g/apiKeys/k"]
)
def test_what_is_in_no_project_says_so(name: str) -> None:
    assert names.project_of(name) == ("acme", names.NO_PROJECT)


def test_a_client_is_a_child_of_the_mesh() -> None:
    assert names.child("", "clients", "acme") == "clients/acme"


@pytest.mark.parametrize("name", ["", "clients"])
def test_what_is_no_name_has_no_project(name: str) -> None:
    with pytest.raises(ValueError, match="unpack"):
        names.project_of(name)
