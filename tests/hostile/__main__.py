"""`make hostile`: attacks a mesh of its own for a while, and prints what came of it."""

import argparse
import asyncio
import secrets
import sys

from tests.hostile.run import ATTACKS, run

SECONDS_DEFAULT = 60.0


def main() -> int:
    """Run, and return 1 where something broke."""
    parser = argparse.ArgumentParser(prog="make hostile", description=__doc__)
    parser.add_argument("--seconds", type=float, default=SECONDS_DEFAULT, help="how long")
    parser.add_argument("--seed", type=int, help="of the run to repeat")
    parser.add_argument("--only", action="append", help="attacks to run, instead of all")
    options = parser.parse_args()
    seed = secrets.randbelow(2**32) if options.seed is None else options.seed
    chosen = [a for a in ATTACKS if not options.only or a.__name__ in options.only]
    print(f"seed {seed}", flush=True)
    report = asyncio.run(
        run(options.seconds, seed, attacks=chosen, say=lambda text: print(text, flush=True))
    )
    for complaint in report.complaints:
        print(f"broken: {complaint}")
    print(report)
    return 1 if report.complaints or (report.witness and report.witness.unhealthy) else 0


if __name__ == "__main__":
    sys.exit(main())
