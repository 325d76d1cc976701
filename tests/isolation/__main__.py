"""`make isolation`: proves that no client sees another, and prints the counts."""

import asyncio
import sys
import tempfile
from pathlib import Path

from tests.isolation.prove import prove


def main() -> int:
    """Prove, and return 1 where something came out or the proof itself is not whole."""
    with tempfile.TemporaryDirectory(prefix="adjutant-isolation-") as folder:
        proof, wrong = asyncio.run(prove(Path(folder)))
    for leak in proof.leaks:
        print(f"leak: {leak}")
    for sentence in wrong:
        print(f"control: {sentence}")
    print(proof)
    return 1 if proof.leaks or wrong else 0


if __name__ == "__main__":
    sys.exit(main())
