"""Installs what `make bench` compares with, into `build/peers`; each run does so where needed."""

import sys

from bench.peers import dbos, postgres, restate
from bench.peers.environment import AbsentError


def main() -> None:
    """Install each; exit 1 where one could not be."""
    failed = False
    for environment in (
        dbos.ENVIRONMENT,
        restate.SERVER_ENVIRONMENT,
        restate.SERVICE_ENVIRONMENT,
    ):
        try:
            environment.ensure()
            print(f"{environment.name}: ready")
        except AbsentError as absent:
            failed = True
            print(f"{environment.name}: {absent}")
    try:
        print(f"postgresql: {postgres.server_folder()}")
    except AbsentError as absent:
        print(f"postgresql: {absent}; the bench goes without it")
    sys.exit(failed)


if __name__ == "__main__":
    main()
