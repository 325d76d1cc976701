"""`make chaos`: kills and stops processes of a mesh under load, and says whether anything is lost.

The seed decides what is asked for and what is disturbed; how the processes' own time falls
between the two differs from run to run.
"""

import argparse
import asyncio
import secrets
import shutil
import sys
import tempfile
from pathlib import Path

from tests.chaos.run import run

SECONDS_DEFAULT = 60.0


def main() -> int:
    """Run, and return 1 where something that must hold does not."""
    parser = argparse.ArgumentParser(prog="make chaos", description=__doc__)
    parser.add_argument("--seconds", type=float, default=SECONDS_DEFAULT, help="how long")
    parser.add_argument("--seed", type=int, help="of the run to repeat")
    parser.add_argument("--replicas", type=int, default=2, help="processes of each service")
    parser.add_argument("--keep", action="store_true", help="logs and data, whatever came of it")
    options = parser.parse_args()
    seed = secrets.randbelow(2**32) if options.seed is None else options.seed
    folder = Path(tempfile.mkdtemp(prefix="adjutant-chaos-"))
    print(f"seed {seed}; logs and data are in {folder}", flush=True)
    report = asyncio.run(run(options.seconds, seed, folder, replicas=options.replicas, say=_say))
    disturbances = "".join(f"{one}\n" for one in report.disturbances)
    (folder / "disturbances.txt").write_text(disturbances)
    if report.violations:
        print(f"what was disturbed:\n{disturbances}", end="")
        for violation in report.violations:
            print(f"violated: {violation}")
        print(f"kept for you to look into: {folder}")
    elif not options.keep:
        shutil.rmtree(folder)
    print(report)
    return 1 if report.violations else 0


def _say(text: str) -> None:
    print(text, flush=True)


if __name__ == "__main__":
    sys.exit(main())
