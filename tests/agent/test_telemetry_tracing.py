"""Traces, sent to a small collector."""

import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from queue import Queue
from typing import Any

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from agent.telemetry.tracing import Tracing, tracing_to
from tests.agent.program import ROOT
from tests.agent.recording import AT, MODEL, record
from tests.serving import NOBODY, running_agent


@contextmanager
def collector() -> Iterator[tuple[str, "Queue[tuple[str, Any]]"]]:  # Any: of protobuf
    """A server that takes traces, and what it got: paths and messages."""
    got: Queue[tuple[str, Any]] = Queue()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            size = int(self.headers["Content-Length"])
            got.put((self.path, ExportTraceServiceRequest.FromString(self.rfile.read(size))))
            self.send_response(200)
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the library's
            """Nothing."""

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}", got
        finally:
            server.shutdown()
            thread.join()


def plain(attributes: Any) -> dict[str, object]:  # Any: of protobuf
    return {one.key: getattr(one.value, one.value.WhichOneof("value")) for one in attributes}


async def test_a_request_becomes_a_span_by_the_conventions(tmp_path: Path) -> None:
    with collector() as (url, got):
        async with running_agent(tmp_path / "data", otlp_endpoint=f"{url}/") as served:
            served.agent.telemetry.record(record(was_cold=True), prompt="a secret plan")
            failed = record(kind="embed", outcome="failed", code="ollama-down", backend="")
            served.agent.telemetry.record(failed)
        path, message = got.get(timeout=30)

    (of_resource,) = message.resource_spans
    first, second = of_resource.scope_spans[0].spans
    assert path == "/v1/traces"
    assert plain(of_resource.resource.attributes)["service.name"] == "orca-agent"
    assert (first.name, first.kind, first.status.code) == (f"chat {MODEL}", 3, 0)
    began_ns = int(AT.timestamp()) * 10**9
    assert (first.start_time_unix_nano, first.end_time_unix_nano) == (began_ns, began_ns + 10**9)
    assert plain(first.attributes) == {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": "ollama",
        "gen_ai.request.model": MODEL,
        "gen_ai.usage.input_tokens": 30,
        "gen_ai.usage.output_tokens": 50,
        "gen_ai.response.time_to_first_chunk": 0.12,
        "orca.request.id": "request-1",
        "orca.kind": "chat",
        "orca.outcome": "done",
        "orca.project": "default",
        "orca.backend": "local",
        "orca.queued_ms": 2.0,
        "orca.load_ms": 40.0,
        "orca.tokens_per_second": 55.5,
        "orca.was_cold": True,
    }
    assert (second.name, second.status.code) == (f"embeddings {MODEL}", 2)
    assert plain(second.attributes)["error.type"] == "ollama-down"
    assert b"secret plan" not in message.SerializeToString()


def test_a_collector_that_is_away_holds_nobody_up() -> None:
    tracing = Tracing(NOBODY, "1.2.3")
    tracing([record()])

    began_s = time.monotonic()
    tracing.close()

    assert time.monotonic() - began_s < 20  # and not for ever


def test_without_an_address_there_are_no_traces_and_an_odd_one_stops_nothing(
    caplog: pytest.LogCaptureFixture,
) -> None:
    assert tracing_to(None, "1.2.3") is None
    assert tracing_to("grpc://collector:4317", "1.2.3") is None
    assert caplog.messages == [
        "no traces are sent: grpc://collector:4317 is no http or https address"
    ]


def test_without_the_extra_a_start_says_so_and_goes_on() -> None:
    program = (
        "import importlib.abc, logging, sys\n"
        "class Missing(importlib.abc.MetaPathFinder):\n"
        "    def find_spec(self, name, path=None, target=None):\n"
        "        if name.startswith('opentelemetry'): raise ModuleNotFoundError(name)\n"
        "logging.basicConfig(format='%(message)s')\n"
        "sys.meta_path.insert(0, Missing())\n"
        "from agent.telemetry.tracing import tracing_to\n"
        f"assert tracing_to({NOBODY!r}, '1.2.3') is None\n"
    )

    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=False
    )

    told = "no traces are sent: install the extra, `pip install orca-agents[otel]`\n"
    assert (done.returncode, done.stderr) == (0, told)
