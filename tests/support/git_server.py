"""A real git server over HTTP on loopback: `git http-backend`, behind basic authentication."""

import base64
import contextlib
import http.server
import os
import pathlib
import subprocess
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from tests.support.mesh import git, make_repository


@dataclass
class GitServer:
    """The server, what it wants, and who came."""

    root: pathlib.Path
    username: str = "ada"
    secret: str = "a-secret-of-the-server"
    redirect_to: str = ""
    """Where every visitor is sent, if anywhere."""
    on_request: Callable[[], None] = lambda: None
    """Called while git waits for its answer."""
    shown: list[str] = field(default_factory=list)
    """The credentials that visitors showed, decoded; empty for none."""
    port: int = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def repository(self) -> pathlib.Path:
        """The one repository, `team/web.git`."""
        return self.root / "team" / "web.git"

    @property
    def uri(self) -> str:
        return f"{self.url}/team/web.git"

    def accepts(self, shown: str) -> bool:
        return shown == f"{self.username}:{self.secret}"


@contextlib.contextmanager
def git_server(root: pathlib.Path, **facts: Any) -> Iterator[GitServer]:
    """Serve a repository with one commit on `main`, to whoever shows the right secret."""
    made = GitServer(root, **facts)
    work = make_repository(root / "work")
    git(work, "clone", "--quiet", "--bare", ".", str(made.repository))
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), _handler(made))
    made.port = server.server_address[1]
    thread = threading.Thread(target=server.serve_forever, args=[0.05])
    thread.start()
    try:
        yield made
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def _handler(server: GitServer) -> type[http.server.BaseHTTPRequestHandler]:
    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self._answer(b"")

        def do_POST(self) -> None:
            self._answer(self.rfile.read(int(self.headers["Content-Length"])))

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
            pass

        def _answer(self, body: bytes) -> None:
            _, _, encoded = self.headers.get("Authorization", "").partition(" ")
            shown = base64.b64decode(encoded).decode()
            server.shown.append(shown)
            server.on_request()
            if server.redirect_to:
                self.send_response(302)
                self.send_header("Location", server.redirect_to + self.path)
                self.end_headers()
            elif not server.accepts(shown):
                self.send_response(401)
                self.send_header("WWW-Authenticate", 'Basic realm="git"')
                self.end_headers()
            else:
                self._backend(body)

        def _backend(self, body: bytes) -> None:
            path, _, query = self.path.partition("?")
            environ = {
                "PATH": os.environ["PATH"],
                "GIT_PROJECT_ROOT": str(server.root),
                "GIT_HTTP_EXPORT_ALL": "1",
                "REMOTE_USER": server.username,
                "REQUEST_METHOD": self.command,
                "PATH_INFO": path,
                "QUERY_STRING": query,
                "CONTENT_TYPE": self.headers.get("Content-Type", ""),
                "HTTP_CONTENT_ENCODING": self.headers.get("Content-Encoding", ""),
                "GIT_PROTOCOL": self.headers.get("Git-Protocol", ""),
            }
            done = subprocess.run(
                ["git", "http-backend"], input=body, env=environ, capture_output=True, check=True
            )
            head, _, content = done.stdout.partition(b"\r\n\r\n")
            lines = [line.split(": ", 1) for line in head.decode().split("\r\n")]
            fields: dict[str, str] = {line[0]: line[1] for line in lines}
            self.send_response(int(fields.pop("Status", "200").split()[0]))
            for name, value in fields.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(content)

    return Handler
