"""What is taken out of texts, and what is left in."""

import io
import json
import logging
import sys

import pytest
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace.status import Status, StatusCode

from services.mesh.config import MeshSettings
from services.mesh.errors import AdjutantError, Violation
from services.mesh.secrets.redact import REDACTED, in_use, redact
from services.mesh.secrets.redacting_exporter import RedactingExporter
from services.mesh.telemetry import JsonFormatter, log_to_stderr

SECRET = "hunter2-hunter2"
JWT = "eyJhbGciOiJFZERTQSJ9.eyJzdWIiOiJhZGEifQ.c2lnbmF0dXJlLWJ5dGVz"
PEM = "-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VwBCIEIHunter2\n-----END PRIVATE KEY-----"


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("key adj_7f3a9c_Zm9vYmFyYmF6 is revoked", f"key {REDACTED} is revoked"),
        ("adjo_0123456789abcdef", REDACTED),
        (f"got {JWT}, expired", f"got {REDACTED}, expired"),
        ("authorization: Bearer abcdefgh12345678", f"authorization: Bearer {REDACTED}"),
        ("Authorization: Basic YWRhOmh1bnRlcjI=", f"Authorization: Basic {REDACTED}"),
        (f"read {PEM} from", f"read {REDACTED} from"),
        ("-----BEGIN EC PRIVATE KEY-----\nMC4CAQAw", REDACTED),
        ("clone https://ada:pw@git.example.com/x", f"clone https://{REDACTED}@git.example.com/x"),
        ("clone https://ghp_abc@github.com/x", f"clone https://{REDACTED}@github.com/x"),
        ("nats://token@127.0.0.1:7400", f"nats://{REDACTED}@127.0.0.1:7400"),
        (f"password={SECRET}&x=1", f"password={REDACTED}&x=1"),
        (f"ADJUTANT_REPORT_TOKEN={SECRET}", f"ADJUTANT_REPORT_TOKEN={REDACTED}"),
        (f"report_token = '{SECRET}'", f"report_token = '{REDACTED}'"),
        (f'{{"secret": "{SECRET}", "a": 1}}', f'{{"secret": "{REDACTED}", "a": 1}}'),
        (f"api-key: {SECRET}", f"api-key: {REDACTED}"),
    ],
)
def test_what_looks_like_a_credential_goes(text: str, left: str) -> None:
    assert redact(text) == left


@pytest.mark.parametrize(
    "text",
    [
        "secret: value length must be at most 65536 bytes",
        "Bearer of good news; basic understanding",
        "ssh://git@github.com/acme/web and git@github.com:acme/web",
        "https://git.example.com/acme/web.git",
        "This is not the run's report token; use ADJUTANT_REPORT_TOKEN of the job's environment.",
        "clients/acme/apiKeys/ci was revoked",
        "adjutant_access at adjutant.event.acme.web.runs.r1.run_state_changed",
        "The page token is not one of ours; pass next_page_token of the page before.",
        "mail ada@example.com",
        "does not match regex pattern `^(https?://[^@]+)?$`",
    ],
)
def test_what_is_none_stays(text: str) -> None:
    assert redact(text) == text


def test_secrets_in_use_go_whatever_they_look_like() -> None:
    secret = 'plain "words/here'
    with in_use(secret):
        with in_use(secret):
            pass
        for form in (secret, "plain%20%22words%2Fhere", json.dumps(secret), repr(secret)):
            assert REDACTED in redact(f"said {form} loudly")
            assert "words" not in redact(f"said {form} loudly")
    assert redact(secret) == secret


def test_log_lines_hold_none(capsys: pytest.CaptureFixture[str]) -> None:
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(JsonFormatter("test"))
    log = logging.Logger("test")
    log.addHandler(handler)
    try:
        raise ValueError(f"password={SECRET}")
    except ValueError:
        log.exception("token=%s failed", SECRET, stack_info=True)
    line = json.loads(stream.getvalue())
    assert line["message"] == f"token={REDACTED} failed"
    assert "ValueError" in line["exception"]
    assert SECRET not in stream.getvalue()


def test_what_ends_the_process_holds_none(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "excepthook", sys.excepthook)
    handlers, level = list(logging.root.handlers), logging.root.level
    try:
        log_to_stderr(MeshSettings())
        sys.excepthook(ValueError, ValueError(f"password={SECRET}"), None)
    finally:
        logging.captureWarnings(False)
        logging.root.handlers[:] = handlers
        logging.root.setLevel(level)
    assert capsys.readouterr().err == f"ValueError: password={REDACTED}\n"


def test_errors_hold_none() -> None:
    error = AdjutantError(
        "INVALID_REQUEST",
        f"no such thing as https://ada:{SECRET}@example.com/",
        metadata={"uri": f"password={SECRET}"},
        violations=(Violation("uri", f"token={SECRET} is wrong"),),
    )
    assert SECRET.encode() not in error.to_status().SerializeToString()
    assert REDACTED in error.to_status().message


def test_spans_hold_none() -> None:
    inner = InMemorySpanExporter()
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(RedactingExporter(inner)))
    tracer = provider.get_tracer("test")
    with tracer.start_as_current_span(f"password={SECRET}") as span:
        span.set_attribute("one", f"token={SECRET}")
        span.set_attribute("several", [f"token={SECRET}", "plain"])
        span.set_attribute("count", 3)
        span.add_event(f"secret={SECRET}", {"why": f"Bearer {SECRET}"})
        try:
            raise ValueError(f"password={SECRET}")
        except ValueError as error:
            span.record_exception(error)
        span.set_status(Status(StatusCode.ERROR, f"password={SECRET}"))
    (exported,) = inner.get_finished_spans()
    assert SECRET not in exported.to_json()
    assert exported.attributes is not None
    assert exported.attributes["several"] == (f"token={REDACTED}", "plain")
    assert exported.attributes["count"] == 3
    assert exported.status.status_code is StatusCode.ERROR
    assert exported.get_span_context() == span.get_span_context()
