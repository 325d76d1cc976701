"""What of a service's log is told."""

import json
import pathlib

from services.up.logs import ROTATE_AT_BYTES, echo_new, log_file, plain_errors


def _line(level: str, message: str) -> str:
    return json.dumps({"level": level, "message": message})


def test_only_errors_are_told_and_tracebacks_stay_in_the_file() -> None:
    log = "\n".join(
        [
            _line("INFO", "serves"),
            _line("ERROR", "the disk is full"),
            "Traceback (most recent call last):",
            '  File "x.py", line 1',
            "ImportError: no module",
        ]
    )
    assert list(plain_errors(log)) == ["the disk is full", "ImportError: no module"]


def test_a_half_written_line_waits_for_its_end(tmp_path: pathlib.Path) -> None:
    path, said = tmp_path / "a.log", list[str]()
    path.write_text(_line("ERROR", "one") + "\n" + _line("ERROR", "two")[:9])
    position = echo_new("a", path, 0, said.append)
    assert said == ["a: one"]
    path.write_text(path.read_text() + _line("ERROR", "two")[9:] + "\n")
    echo_new("a", path, position, said.append)
    assert said == ["a: one", "a: two"]


def test_a_large_log_is_put_aside(tmp_path: pathlib.Path) -> None:
    path = log_file(tmp_path, "a")
    with path.open("wb") as file:
        file.truncate(ROTATE_AT_BYTES + 1)
    assert not log_file(tmp_path, "a").exists()
    assert (tmp_path / "logs" / "a.log.1").exists()
