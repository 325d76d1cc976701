"""The error that callers see, before it goes over the wire."""

from typing import Any

import grpc
import pytest
from google.rpc import error_details_pb2, status_pb2
from hypothesis import given
from hypothesis import strategies as st

from services.mesh.errors import (
    DOMAIN,
    MAX_DETAILS_BYTES,
    REASONS,
    AdjutantError,
    Violation,
    not_found,
)


def detail(status: status_pb2.Status, kind: type) -> Any:
    """Return the detail of a kind; fail where there is not exactly one."""
    found = kind()
    (packed,) = (packed for packed in status.details if packed.Is(found.DESCRIPTOR))
    packed.Unpack(found)
    return found


@pytest.mark.parametrize("reason", REASONS)
def test_each_reason_travels_with_its_code(reason: str) -> None:
    status = AdjutantError(reason, "Text.").to_status()
    assert status.code == REASONS[reason].value[0]
    info = detail(status, error_details_pb2.ErrorInfo)
    assert (info.reason, info.domain) == (reason, DOMAIN)


def test_an_error_reads_as_its_reason_and_its_text() -> None:
    error = AdjutantError("PLAN_CYCLE", "a waits for b, b waits for a.")
    assert str(error) == "PLAN_CYCLE: a waits for b, b waits for a."
    assert error.code == grpc.StatusCode.INVALID_ARGUMENT


def test_facts_for_programs_stand_in_the_metadata() -> None:
    error = AdjutantError("ILLEGAL_TRANSITION", "No.", metadata={"state": "DONE"})
    info = detail(error.to_status(), error_details_pb2.ErrorInfo)
    assert dict(info.metadata) == {"state": "DONE"}


def test_the_wrong_field_is_named() -> None:
    error = AdjutantError("UNKNOWN_AGENT", "There is no agent foo.", field="spec.agent")
    bad = detail(error.to_status(), error_details_pb2.BadRequest)
    (violation,) = bad.field_violations
    assert (violation.field, violation.description) == ("spec.agent", "There is no agent foo.")


def test_several_wrong_fields_are_all_named() -> None:
    violations = (Violation("a", "too long"), Violation("b", "too short"))
    error = AdjutantError("INVALID_REQUEST", "a and b.", violations=violations)
    bad = detail(error.to_status(), error_details_pb2.BadRequest)
    assert [violation.field for violation in bad.field_violations] == ["a", "b"]


def test_where_trying_again_helps_the_error_says_when() -> None:
    error = AdjutantError("EVENT_LOG_UNAVAILABLE", "Later.", retry_after_s=1.25)
    retry = detail(error.to_status(), error_details_pb2.RetryInfo)
    assert retry.retry_delay.ToMilliseconds() == 1250


def test_where_trying_again_does_not_help_it_says_nothing() -> None:
    status = AdjutantError("NOT_FOUND", "No.").to_status()
    assert not any(any_.Is(error_details_pb2.RetryInfo.DESCRIPTOR) for any_ in status.details)


def test_not_found_names_the_kind_and_what_to_do() -> None:
    error = not_found("task", "clients/a/projects/b/tasks/c")
    assert error.code == grpc.StatusCode.NOT_FOUND
    assert "no task named clients/a/projects/b/tasks/c" in error.message


@given(
    message=st.text(max_size=20) | st.just("界" * 5000) | st.just("\n" * 9000),
    metadata=st.dictionaries(st.text(max_size=300), st.text(min_size=400), max_size=40),
    violations=st.lists(st.builds(Violation, st.text(max_size=2000), st.text(max_size=900))),
)
def test_the_status_stays_small_whatever_goes_in(
    message: str, metadata: dict[str, str], violations: list[Violation]
) -> None:
    error = AdjutantError(
        "INVALID_REQUEST",
        message,
        metadata=metadata,
        violations=tuple(violations) * 40,
        retry_after_s=1.0,
    )
    status = error.to_status()
    assert status.ByteSize() <= MAX_DETAILS_BYTES
    info = detail(status, error_details_pb2.ErrorInfo)
    assert info.reason == "INVALID_REQUEST"


def test_a_text_that_is_no_unicode_does_not_hide_the_error() -> None:
    status = AdjutantError("NOT_FOUND", "There is no file \udcff.", field="\udcff").to_status()
    assert status.message == "There is no file ?."
