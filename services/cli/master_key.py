"""`adjutant auth rotate-master-key`: a new key for the keys of all secrets."""

import json
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from services.cli import exits
from services.cli.command import mesh_command

if TYPE_CHECKING:
    from adjutant_messages.adjutant.orchestrator.v1 import RewrapSecretsResponse
    from services.cli.session import Session

_MAX_PASSES: Final = 20
"""Each pass goes on where the one before ran out of time."""


async def rotate_master_key(
    session: "Session",
    keep_old: Annotated[
        bool, typer.Option("--keep-old", help="Leave the old keys in the file.")
    ] = False,
    data_dir: Annotated[
        Path | None,
        typer.Option(help="Where the mesh keeps everything.  [env: ADJUTANT_DATA_DIR]"),
    ] = None,
) -> int:
    """Make a new master key, wrap the keys of all secrets with it, and remove the old ones.

    Run it where the mesh's data directory is, while the mesh runs.
    """
    added = _ring(data_dir, "add")
    if added["source"] == "file":
        session.say(f"New master key {added['id']} in {added['path']}")
    answer, count = await _rewrap(session)
    session.say(f"Wrapped with {answer.master_key} now: {count} secret{'s' * (count != 1)}")
    if answer.unreadable:
        return _keep(session, answer)
    if added["source"] != "file":
        session.say("ADJUTANT_MASTER_KEY needs no longer hold the keys after the first")
        return exits.DONE
    if answer.master_key != added["id"]:
        raise exits.BadUseError(
            f"the mesh that answers uses another key file than {added['path']}: its newest key is "
            f"{answer.master_key}; nothing was removed. Name the mesh's own --data-dir"
        )
    if keep_old:
        session.say("The old keys are kept")
        return exits.DONE
    removed = _ring(data_dir, "keep-only", answer.master_key)["removed"]
    session.say(
        f"Removed {len(removed)} old master key{'s' * (len(removed) != 1)}; "
        "a backup of before needs what it was made with"
    )
    return exits.DONE


async def _rewrap(session: "Session") -> "tuple[RewrapSecretsResponse, int]":
    """Wrap everything anew, until a pass finds nothing more to do."""
    from services.client import DeadlineExceededError

    count = 0
    for _ in range(_MAX_PASSES):
        try:
            answer = await session.adjutant.connections.rewrap_secrets()
        except DeadlineExceededError:
            continue
        count += answer.rewrapped_count
        if not answer.rewrapped_count:
            return answer, count
    raise exits.BadUseError(
        "the secrets could not all be wrapped anew in time; the old keys are kept, so that "
        "nothing is lost. Run the command again"
    )


def _keep(session: "Session", answer: "RewrapSecretsResponse") -> int:
    for name in answer.unreadable:
        session.say(f"  unreadable: {name}")
    exits.complain(
        f"{len(answer.unreadable)} secrets cannot be read, so the old keys are kept; give back "
        "the keys that they need, or store them anew with `adjutant connections update`"
    )
    return exits.BAD_USE


def _ring(data_dir: Path | None, *operation: str) -> dict[str, Any]:
    """Change the key file through the program that knows it, and return what it says."""
    where = [] if data_dir is None else ["--data-dir", str(data_dir)]
    command = [sys.executable, "-P", "-m", "services.up.master_key", *where, *operation]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        last = (done.stderr.strip().splitlines() or ["it gave no reason"])[-1]
        raise exits.BadUseError(f"the key file cannot be changed: {last}")
    said: dict[str, Any] = json.loads(done.stdout)
    return said


def register(app: typer.Typer) -> None:
    """Add the command to `adjutant auth`."""
    mesh_command(app, "rotate-master-key")(rotate_master_key)
