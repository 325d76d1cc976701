"""The bounded log, and lines that repeat."""

import pathlib

from services.agent_runner.adapters.output import OutputLog, RepeatCounter


def repeats_of(*pieces: bytes) -> int:
    counter = RepeatCounter()
    for piece in pieces:
        counter.feed(piece)
    return counter.repeats


def test_all_is_kept_below_the_bound(tmp_path: pathlib.Path) -> None:
    log = OutputLog(str(tmp_path / "log"), 10)
    log.write(b"12345")
    log.write(b"67890")
    log.close()
    assert (tmp_path / "log").read_bytes() == b"1234567890"
    assert log.dropped_bytes == 0


def test_beyond_the_bound_is_counted_and_said(tmp_path: pathlib.Path) -> None:
    log = OutputLog(str(tmp_path / "log"), 10)
    log.write(b"123456789")
    log.write(b"0abc")
    log.write(b"later")
    log.close()
    kept = (tmp_path / "log").read_bytes()
    assert kept.startswith(b"1234567890\n[adjutant: 8 bytes of output are not kept")
    assert log.written_bytes == 10
    assert log.printed_bytes == 18


def test_one_line_over_and_over() -> None:
    assert repeats_of(b"again\n" * 30) == 29


def test_a_cycle_of_lines() -> None:
    assert repeats_of(b"read\nthink\nwrite\n" * 25) == 24


def test_lines_come_in_any_pieces() -> None:
    text = b"read\nthink\n" * 25
    assert repeats_of(*(text[at : at + 3] for at in range(0, len(text), 3))) == 24


def test_news_ends_a_loop() -> None:
    assert repeats_of(b"again\n" * 30, b"something else\n") == 0


def test_progress_is_no_loop() -> None:
    lines = b"".join(b"%d percent\n" % percent for percent in range(100))
    assert repeats_of(lines) == 0


def test_empty_lines_do_not_count() -> None:
    assert repeats_of(b"\n" * 100) == 0
    assert repeats_of(b"a\n\nb\n\n" * 10) == 9


def test_a_flood_without_line_ends_costs_no_memory() -> None:
    counter = RepeatCounter()
    for _ in range(100):
        counter.feed(b"x" * 65536)
    assert len(counter._rest) <= 4096
