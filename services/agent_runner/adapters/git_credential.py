"""How git gets a credential: from a helper that is asked only by git, and only for one server.

Nothing of it is in an argument, a file, or the environment. A git that the service runs reads
it from an inherited pipe; the git of a job, which may run while the service does not, asks the
service for it (credential_server.py). Git is told to follow no redirect: it would lead to a
server that the connection was not made for.
"""

from __future__ import annotations

import os
import shlex
import sys
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from services.agent_runner.credentials import origin_of
from services.agent_runner.errors import RunFailure
from services.mesh.secrets.redact import in_use

if TYPE_CHECKING:
    from collections.abc import Iterator

    from services.agent_runner.credentials import Credential

SOCKET_VARIABLE: Final = "ADJUTANT_CREDENTIAL_SOCKET"
"""Where the helper of a job's git finds the service; see credential_helper.py."""
_HELPER: Final = Path(__file__).with_name("credential_helper.py")


@dataclass(frozen=True, slots=True)
class HandedOver:
    """What a git command is started with."""

    variables: dict[str, str]
    descriptors: tuple[int, ...]


@contextmanager
def handed_over(credential: Credential | None, repository_uri: str) -> Iterator[HandedOver]:
    """Have a credential in a pipe for one git command; None hands over nothing."""
    if credential is None:
        yield HandedOver({}, ())
        return
    read_end, write_end = os.pipe()
    try:
        _fill(write_end, credential)
        # Git appends what it wants; it may also want to store what worked, or to erase it.
        script = f'!f() {{ test "$1" = get && cat /dev/fd/{read_end}; }}; f'
        with in_use(credential.secret):
            yield HandedOver(helper_variables(repository_uri, script), (read_end,))
    finally:
        os.close(read_end)


def job_variables(repository_uri: str, socket_links: Path) -> dict[str, str]:
    """Return the environment in which a job's git asks the service for the credential."""
    command = " ".join(shlex.quote(part) for part in (sys.executable, "-I", str(_HELPER)))
    own = {SOCKET_VARIABLE: str(socket_links)}
    return own | helper_variables(repository_uri, f"!{command}")


def helper_variables(repository_uri: str, helper: str) -> dict[str, str]:
    """Return git's configuration, as environment variables, with a helper for one server."""
    settings = (
        ("credential.helper", ""),  # forgets those of every file
        (f"credential.{origin_of(repository_uri)}.helper", helper),
        ("http.followRedirects", "false"),
    )
    named = {"GIT_CONFIG_COUNT": str(len(settings))}
    for number, (key, value) in enumerate(settings):
        named |= {f"GIT_CONFIG_KEY_{number}": key, f"GIT_CONFIG_VALUE_{number}": value}
    return named


def _fill(write_end: int, credential: Credential) -> None:
    """Write the credential into a pipe that nobody reads yet."""
    lines = credential.lines()
    os.set_blocking(write_end, False)
    try:
        is_whole = os.write(write_end, lines) == len(lines)
    except BlockingIOError:
        is_whole = False
    finally:
        os.close(write_end)
    if not is_whole:
        raise RunFailure(
            "REPOSITORY_NOT_FOUND",
            f"the secret of {credential.connection} is too long for git; store a shorter one",
        )
