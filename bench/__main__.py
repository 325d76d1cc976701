"""Runs all benchmarks, each in a process of its own, and prints one table."""

import os
import signal
import subprocess
import sys

from bench import harness
from bench.table import print_table

FLOORS = (
    "floor_grpc",
    "floor_jetstream",
    "floor_sqlite",
    "floor_langgraph",
    "floor_spawn",
    "floor_fanout",
)
MESH = ("chain", "start_run", "fanout", "first_progress", "durable_step", "tokens")
PEERS = ("three_steps", "recovery")
GROUPS = {"floors": FLOORS, "mesh": MESH, "peers": PEERS}
ALL = FLOORS + MESH + PEERS


def run(name: str, seconds: float) -> list[harness.Row]:
    """Run one benchmark; CalledProcessError where it fails."""
    print(f"bench.{name} …", file=sys.stderr, flush=True)
    command = [sys.executable, "-m", f"bench.{name}", "--json", "--seconds", str(seconds)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as child:

        def end(*_: object) -> None:
            child.terminate()
            sys.exit("ended by a signal")  # once the child has, which ends what it started

        signal.signal(signal.SIGTERM, end)
        printed, _ = child.communicate()
    if child.returncode:
        raise subprocess.CalledProcessError(child.returncode, command)
    return harness.from_json(printed)


def warn_of_load() -> None:
    """Say so where the machine has other work; its figures are not those of an idle one."""
    load, cores = os.getloadavg()[0], os.cpu_count() or 1
    if load > cores / 2:
        print(f"this machine is busy: load {load:.1f} on {cores} cores", file=sys.stderr)


def main() -> None:
    """Run what was named, or all; exit 1 where one could not be run."""
    parser = harness.arguments(__doc__)
    parser.add_argument("name", nargs="*", help=", ".join((*GROUPS, *ALL)))
    options = parser.parse_args()
    warn_of_load()
    rows: list[harness.Row] = []
    failed = []
    named = [one for name in options.name for one in GROUPS.get(name, (name,))]
    for name in named or ALL:
        try:
            rows += run(name, options.seconds)
        except subprocess.CalledProcessError:
            failed.append(name)
    if options.json:
        print(harness.as_json(rows))
    else:
        print_table(rows)
    if failed:
        sys.exit(f"could not be measured: {', '.join(failed)}")


if __name__ == "__main__":
    main()
