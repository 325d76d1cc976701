"""Runs git: without prompts, hooks, or the settings of whoever started the service."""

from __future__ import annotations

import asyncio
import os
import re
import signal
from dataclasses import dataclass
from typing import TYPE_CHECKING

from services.agent_runner.errors import INFRASTRUCTURE, RunFailure
from services.mesh.secrets.redact import redact

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

_KEPT_VARIABLES = ("PATH", "HOME", "USER", "TMPDIR", "SSH_AUTH_SOCK")
_NETWORK_TROUBLE = re.compile(
    r"could not resolve|connection (timed out|refused|reset)|network is unreachable"
    r"|failed to connect"
    r"|early eof|unexpected disconnect|timed out",
    re.IGNORECASE,
)

_REFUSAL = re.compile(
    r"authentication failed|could not read (username|password)|access denied"
    r"|terminal prompts disabled|returned error: 40[13]",
    re.IGNORECASE,
)
ADD_CONNECTION = (
    "the server wants a user who may do this: add a connection for it with"
    " `adjutant connections create`, or give that one another secret"
)
"""What to do where a server refuses whoever comes."""

# `safe.directory` is read from a file alone, and must reach the git that serves a local path.
_CONFIG = """\
[safe]
	directory = *
[protocol "file"]
	allow = always
[core]
	autocrlf = false
	quotePath = false
[gc]
	auto = 0
[maintenance]
	auto = false
[commit]
	gpgSign = false
[advice]
	detachedHead = false
	addEmbeddedRepo = false
[init]
	defaultBranch = main
[merge]
	conflictStyle = merge
[diff]
	renames = false
	noprefix = false
	mnemonicPrefix = false
"""

NO_HOOKS = ("-c", "core.hooksPath=/dev/null", "-c", "core.fsmonitor=false")
"""For commands in our own folders; a repository that is pushed to keeps its hooks."""


class GitError(Exception):
    """Git ended with an exit code other than 0; holds what it said."""

    def __init__(self, arguments: tuple[str, ...], exit_code: int, output: str) -> None:
        super().__init__(f"git {' '.join(arguments[:3])} … ended with {exit_code}: {output}")
        self.exit_code = exit_code
        self.output = output

    @property
    def is_network_trouble(self) -> bool:
        """Whether another attempt may find the network better."""
        return bool(_NETWORK_TROUBLE.search(self.output))


def is_refused(output: str) -> bool:
    """Tell whether git says that the server refused whoever came."""
    return bool(_REFUSAL.search(output))


@dataclass(frozen=True, slots=True)
class Identity:
    """Who authors and commits what the runner commits."""

    name: str
    email: str

    def variables(self) -> dict[str, str]:
        """Say so in git's environment variables."""
        return {
            "GIT_AUTHOR_NAME": self.name,
            "GIT_AUTHOR_EMAIL": self.email,
            "GIT_COMMITTER_NAME": self.name,
            "GIT_COMMITTER_EMAIL": self.email,
        }


class Git:
    """Runs git commands with a configuration of their own."""

    def __init__(self, folder: Path, identity: Identity, timeout_s: float) -> None:
        self._config = folder / "gitconfig"
        self._identity = identity
        self._timeout_s = timeout_s

    def install(self) -> None:
        """Write the configuration that every command reads."""
        self._config.parent.mkdir(parents=True, exist_ok=True)
        # Replicas read it, and their git may do so now.
        unfinished = self._config.with_suffix(f".{os.getpid()}")
        unfinished.write_text(_CONFIG)
        unfinished.replace(self._config)

    def environment(self) -> dict[str, str]:
        """Give the whole environment of a git command."""
        kept = {name: os.environ[name] for name in _KEPT_VARIABLES if name in os.environ}
        return (
            kept
            | self._identity.variables()
            | {
                "LC_ALL": "C",
                "GIT_TERMINAL_PROMPT": "0",
                "GIT_ASKPASS": "true",
                "GIT_SSH_COMMAND": "ssh -o BatchMode=yes",
                "GIT_CONFIG_NOSYSTEM": "1",
                "GIT_CONFIG_GLOBAL": str(self._config),
                "GIT_ALLOW_PROTOCOL": "file:git:http:https:ssh",
                "GIT_TEMPLATE_DIR": "",
                "GIT_OPTIONAL_LOCKS": "0",
            }
        )

    async def __call__(
        self,
        *arguments: str,
        folder: Path,
        variables: Mapping[str, str] | None = None,
        held: tuple[int, ...] = (),
    ) -> str:
        """Run git in a folder and return what it wrote; raises GitError with its words.

        A command that takes longer than the timeout is killed and raises RunFailure.
        The descriptors `held` stay open as long as git runs, even if this process dies.
        """
        process = await asyncio.create_subprocess_exec(
            "git",
            *NO_HOOKS,
            *arguments,
            cwd=folder,
            env=self.environment() | dict(variables or {}),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            pass_fds=held,
            start_new_session=True,
        )
        try:
            async with asyncio.timeout(self._timeout_s):
                output, errors = await process.communicate()
        except TimeoutError:
            message = f"git {arguments[0]} took longer than {self._timeout_s:g} seconds"
            raise RunFailure("REPOSITORY_NOT_FOUND", message, INFRASTRUCTURE) from None
        finally:
            if process.returncode is None:
                os.killpg(process.pid, signal.SIGKILL)
                await process.wait()
        if process.returncode != 0:
            words = (errors + output).decode(errors="replace").strip()
            raise GitError(arguments, process.returncode or 0, redact(words))
        return output.decode(errors="surrogateescape")
