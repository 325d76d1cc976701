"""Git's credential helper in a job: asks the service that the job belongs to.

A program by itself, run by git with the operation as its argument; it imports
nothing of ours, so that it starts quickly. Each replica of the service has a link
in a folder; its socket moves with each start, and any of them can answer, so they
are asked one after the other, again and again for a while.
"""

import json
import os
import socket
import sys
import time

_PATIENCE_S = 30.0
_ANSWER_S = 12.0
"""Longer than the service itself waits; one that is paused does not answer at all."""
_RETRY_S = 0.2


def main() -> None:
    """Print what git asks for; nothing where the service has nothing for us."""
    if sys.argv[1:] != ["get"]:
        return
    question = {
        "run": os.environ["ADJUTANT_RUN"],
        "token": os.environ["ADJUTANT_REPORT_TOKEN"],
    }
    deadline = time.monotonic() + _PATIENCE_S
    while True:
        answer = _ask_any(os.environ["ADJUTANT_CREDENTIAL_SOCKET"], question)
        if answer is not None or time.monotonic() > deadline:
            sys.stdout.write(answer or "")
            return
        time.sleep(_RETRY_S)  # git waits for this process, which does nothing else


def _ask_any(folder: str, question: dict[str, str]) -> str | None:
    """Return the answer of the first replica that has one."""
    for name in os.listdir(folder):
        try:
            answer = _ask(os.path.join(folder, name), question)
        except OSError:  # it starts anew, or is gone
            continue
        if answer is not None:
            return answer
    return None


def _ask(link: str, question: dict[str, str]) -> str | None:
    """Return the service's answer; None where it ended before it had answered."""
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(_ANSWER_S)
        connection.connect(os.readlink(link))
        connection.sendall(json.dumps(question).encode() + b"\n")
        with connection.makefile("r", encoding="utf-8", newline="\n") as answer:
            text = answer.read()
    return text.removesuffix("end\n") if text.endswith("end\n") else None


if __name__ == "__main__":
    main()
