"""Report tokens: a record holds a digest, one of an older version too."""

from services.agent_runner.run import RunRecord, RunSpec, token_digest
from services.mesh.store import now

FACTS = {
    "name": "clients/acme/projects/web/runs/r",
    "create_time": now(),
    "update_time": now(),
    "state": "RUNNING",
    "task": "",
    "agent": "command",
    "spec": RunSpec(agent="command"),
    "spec_digest": "",
    "headers": {},
}


def test_only_the_token_itself_is_the_runs() -> None:
    run = RunRecord(**FACTS, report_token_digest=token_digest("token"))
    assert run.has_token("token")
    for wrong in ("", "Token", run.report_token_digest):
        assert not run.has_token(wrong)
    assert not RunRecord(**FACTS).has_token(""), "a run without a token has none"


def test_a_record_that_holds_the_token_is_read_and_written_without_it() -> None:
    stored = RunRecord(**FACTS).model_dump(mode="json", exclude={"report_token_digest"})
    run = RunRecord.model_validate(stored | {"report_token": "of-an-older-version"})
    assert run.has_token("of-an-older-version")
    assert "of-an-older-version" not in run.model_dump_json()
