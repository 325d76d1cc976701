"""Runs all benchmarks, each in a process of its own, and prints one table."""

import os
import subprocess
import sys

from bench import harness

FLOORS = (
    "floor_grpc",
    "floor_jetstream",
    "floor_sqlite",
    "floor_langgraph",
    "floor_spawn",
    "floor_fanout",
)
MESH = ("chain", "start_run", "fanout", "first_progress", "durable_step")


def run(name: str, seconds: float) -> list[harness.Figure]:
    """Run one benchmark; CalledProcessError where it fails."""
    print(f"bench.{name} …", file=sys.stderr, flush=True)
    command = [sys.executable, "-m", f"bench.{name}", "--json", "--seconds", str(seconds)]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    return harness.from_json(done.stdout)


def warn_of_load() -> None:
    """Say so where the machine has other work; its figures are not those of an idle one."""
    load, cores = os.getloadavg()[0], os.cpu_count() or 1
    if load > cores / 2:
        print(f"this machine is busy: load {load:.1f} on {cores} cores", file=sys.stderr)


def main() -> None:
    """Run what was named, or all; exit 1 where one could not be run."""
    parser = harness.arguments(__doc__)
    parser.add_argument("name", nargs="*", help=", ".join(FLOORS + MESH))
    options = parser.parse_args()
    warn_of_load()
    figures: list[harness.Figure] = []
    failed = []
    for name in options.name or FLOORS + MESH:
        try:
            figures += run(name, options.seconds)
        except subprocess.CalledProcessError:
            failed.append(name)
    if options.json:
        print(harness.as_json(figures))
    else:
        harness.print_table(figures)
    if failed:
        sys.exit(f"could not be measured: {', '.join(failed)}")


if __name__ == "__main__":
    main()
