"""The reasons of the contract, the table that gives them codes, and the page agree."""

import subprocess
import sys

import grpc

from adjutant.common.v1 import error_reason_pb2
from services.mesh.errors import REASONS
from tests.contract.schema import ROOT


def test_every_reason_has_its_code_and_no_code_is_without_a_reason() -> None:
    names = set(error_reason_pb2.ErrorReason.keys())
    assert {f"ERROR_REASON_{reason}" for reason in REASONS} == names - {"ERROR_REASON_UNSPECIFIED"}


def test_no_reason_is_sent_with_a_code_that_says_nothing() -> None:
    assert grpc.StatusCode.OK not in REASONS.values()
    assert grpc.StatusCode.UNKNOWN not in REASONS.values()


def test_the_page_of_errors_is_current() -> None:
    command = [sys.executable, "proto/plugins/errors_page.py", "--check"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
