"""Stands in for an MLflow tracking server, over real HTTP, where the real one is not installed.

It is no MLflow: it keeps what is sent, in memory, and gives it back in MLflow's own messages. With
ADJUTANT_TEST_MLFLOW set to the address of a real server the tests run against that one instead,
except where they break the server or look into what it was sent.
"""

import contextlib
import json
import threading
import urllib.parse
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from google.protobuf import json_format
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

Json = dict[str, Any]


class MlflowDouble:
    """What the server keeps, and how it is broken."""

    def __init__(self) -> None:
        self.experiments: dict[str, str] = {}
        """Name to id."""
        self.infos: dict[str, Json] = {}
        """What was said of each trace, by its id."""
        self.spans: dict[str, dict[bytes, Any]] = {}
        """The spans of each trace, by their ids."""
        self.requests: list[str] = []
        """What was asked, `POST /v1/traces`."""
        self.broken = 0
        """The status that everything is answered with; 0 where nothing is broken."""
        self.broken_path = ""
        """The one path that is answered with 503."""
        self.token = ""
        """The bearer token that it wants; empty for none."""
        self.url = ""

    def handle(self, method: str, path: str, query: Json, headers: Any, body: bytes) -> Json | str:
        """Return the answer; KeyError where there is no such thing."""
        if path == "/version":
            return "3.17.2"
        if path == "/v1/traces":
            return self._take_spans(headers["x-mlflow-experiment-id"], body)
        if path.endswith("/experiments/get-by-name"):
            return self._experiment(query["experiment_name"])
        if path.endswith("/experiments/create"):
            name = json.loads(body)["name"]
            self.experiments[name] = str(len(self.experiments) + 1)
            return {"experiment_id": self.experiments[name]}
        if path == "/api/3.0/mlflow/traces" and method == "POST":
            info = json.loads(body)["trace"]["trace_info"]
            info.setdefault("tags", {})["mlflow.trace.spansLocation"] = "TRACKING_STORE"
            self.infos[info["trace_id"]] = info
            return {"trace": {"trace_info": info}}
        if path.startswith("/api/3.0/mlflow/traces/"):
            return {"trace": self._trace(query["trace_id"], whole=path.endswith("/get"))}
        raise KeyError(path)

    def _experiment(self, name: str) -> Json:
        return {"experiment": {"experiment_id": self.experiments[name], "name": name}}

    def _take_spans(self, experiment_id: str, body: bytes) -> Json:
        if experiment_id not in self.experiments.values():
            raise KeyError(experiment_id)
        request = ExportTraceServiceRequest.FromString(body)
        for group in request.resource_spans:
            for span in (span for scope in group.scope_spans for span in scope.spans):
                kept = self.spans.setdefault(f"tr-{span.trace_id.hex()}", {})
                kept[span.span_id] = span
        return {}

    def _trace(self, trace_id: str, *, whole: bool) -> Json:
        found: Json = {"trace_info": self.infos[trace_id]}
        if whole:
            spans = self.spans[trace_id].values()
            found["spans"] = [
                json_format.MessageToDict(span, preserving_proto_field_name=True) for span in spans
            ]
        return found


class _Handler(BaseHTTPRequestHandler):
    double: MlflowDouble

    def do_GET(self) -> None:
        self._answer()

    def do_POST(self) -> None:
        self._answer()

    def log_message(self, *_: Any) -> None:
        """Say nothing."""

    def _answer(self) -> None:
        body = self.rfile.read(int(self.headers.get("content-length") or 0))
        url = urllib.parse.urlsplit(self.path)
        self.double.requests.append(f"{self.command} {url.path}")
        wanted = self.double.token and f"Bearer {self.double.token}"
        if url.path == self.double.broken_path:
            self._send(503, {"message": "not now"})
            return
        if self.double.broken or (wanted and self.headers["authorization"] != wanted):
            self._send(self.double.broken or 401, {"message": "no"})
            return
        query = dict(urllib.parse.parse_qsl(url.query))
        with contextlib.suppress(ValueError):
            query |= json.loads(body) if body[:1] == b"{" else {}
        try:
            self._send(200, self.double.handle(self.command, url.path, query, self.headers, body))
        except KeyError as missing:
            error = {"error_code": "RESOURCE_DOES_NOT_EXIST", "message": f"no {missing}"}
            self._send(404, error)

    def _send(self, status: int, answer: Json | str) -> None:
        content = (answer if isinstance(answer, str) else json.dumps(answer)).encode()
        self.send_response(status)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)


@contextlib.contextmanager
def mlflow_double() -> Iterator[MlflowDouble]:
    """Run the stand-in on a port of this machine."""
    double = MlflowDouble()
    handler = type("Handler", (_Handler,), {"double": double})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.daemon_threads = True
    double.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield double
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
