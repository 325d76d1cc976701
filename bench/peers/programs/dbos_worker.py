"""A DBOS worker: takes workflows on standard input, says on standard output how they end.

Started with a database's URL, and `as-ours` where SQLite is to be set as the mesh's own is.
A line in is `{"name": …, "steps": […]}`, or without steps to wait for one that was started by
a worker before; lines out are `{"started": name}`, `{"ended": name}` and `{"failed": …}`.
DBOS itself recovers the workflows that a killed worker left behind, in `launch`.
"""

import json
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import sqlalchemy
from dbos import DBOS, SetWorkflowID
from sqlalchemy import event

AT_ONCE = 64
POLL_S = 0.05
"""How often a workflow of a former worker is asked for; its recovery does not wait for it."""
PRAGMAS = ("busy_timeout = 30000", "foreign_keys = ON", "journal_mode = WAL")

said = threading.Lock()


@DBOS.step()
def step(number: int, command_line: str) -> int:
    """Do one step; what it returns is recorded, and it is not done again from then on."""
    if command_line:
        subprocess.run(["sh", "-c", command_line], check=True)
    return number


@DBOS.workflow()
def three(steps: list[str]) -> int:
    """Do the steps one after the other."""
    return sum(step(number, command_line) for number, command_line in enumerate(steps))


def as_ours(url: str) -> sqlalchemy.Engine:
    """Return an engine whose SQLite is as durable as the mesh's: WAL, synchronous NORMAL."""
    engine = sqlalchemy.create_engine(url)

    @event.listens_for(engine, "connect")
    def connected(connection: Any, _: Any) -> None:
        connection.isolation_level = "IMMEDIATE"  # as DBOS sets it itself
        for pragma in (*PRAGMAS, "synchronous = NORMAL"):
            connection.execute(f"PRAGMA {pragma}")

    return engine


def say(**what: str) -> None:
    """Write one line."""
    with said:
        print(json.dumps(what), flush=True)


def serve(name: str, steps: list[str] | None) -> None:
    """Start a workflow, or find it, and say how it ends."""
    try:
        if steps is None:
            DBOS.retrieve_workflow(name).get_result(polling_interval_sec=POLL_S)
        else:
            with SetWorkflowID(name):
                handle = DBOS.start_workflow(three, steps)
            say(started=name)
            handle.get_result()
        say(ended=name)
    except Exception as error:
        say(failed=name, why=repr(error))


def main() -> None:
    """Serve until standard input ends."""
    url, *settings = sys.argv[1:]
    config: dict[str, Any] = {"name": "bench", "system_database_url": url, "log_level": "ERROR"}
    if settings == ["as-ours"]:
        config["system_database_engine"] = as_ours(url)
    DBOS(config=config)
    DBOS.launch()
    say(ready="")
    with ThreadPoolExecutor(AT_ONCE) as pool:
        for line in sys.stdin:
            asked = json.loads(line)
            pool.submit(serve, asked["name"], asked.get("steps"))
    DBOS.destroy()


if __name__ == "__main__":
    main()
