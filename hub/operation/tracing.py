"""OpenTelemetry: a span for each request, which goes on the trace of whoever asked.

Costs nothing without an endpoint: the libraries (extra `otel`) are imported at the start only
where one is set."""

import logging
import threading
import time
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from quart import Quart, g, request
from quart.typing import ResponseTypes

from agent.shared.redaction import redacted
from agent.version import program_version

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import TracerProvider

TRACES = "/v1/traces"
CLOSING_S, SENDING_S = 1.0, 5
UNTOLD = ("/api/v1/health/", "/metrics")

log = logging.getLogger(__name__)


def tracing_to(endpoint: str) -> "Tracing | None":
    """What sends traces, or None where nobody wants them or the extra is not installed."""
    if not endpoint:
        return None
    try:
        is_there = find_spec("opentelemetry.sdk") is not None
    except ModuleNotFoundError:  # not even the package around it
        is_there = False
    if not is_there:
        log.warning("no traces are sent: install the extra, `pip install orca-agents[otel]`")
        return None
    return Tracing(_provider(endpoint.rstrip("/")))


class Tracing:
    """Sends in batches and a thread of its own; a collector that is away costs nothing but the
    spans."""

    def __init__(self, provider: "TracerProvider") -> None:
        from opentelemetry.trace.propagation import tracecontext  # optional dependency

        self._provider = provider
        self._tracer = provider.get_tracer("orca-hub", program_version())
        self._reader = tracecontext.TraceContextTextMapPropagator()

    def install(self, app: Quart) -> None:
        @app.after_request
        async def tell(response: ResponseTypes) -> ResponseTypes:
            if not request.path.startswith(UNTOLD):
                self._tell(response.status_code)
            return response

    def _tell(self, status: int) -> None:
        from opentelemetry.trace import SpanKind, Status, StatusCode  # optional dependency

        rule = request.url_rule
        route = rule.rule if rule else ""
        now_ns = time.time_ns()
        took_s = time.perf_counter() - g.get("started_s", time.perf_counter())
        attributes: dict[str, Any] = {  # Any: str or int
            "http.request.method": request.method,
            "http.route": route,
            "http.response.status_code": status,
            "orca.request.id": g.get("request_id", ""),
        }
        span = self._tracer.start_span(
            f"{request.method} {route}".strip(),
            context=self._reader.extract({"traceparent": request.headers.get("traceparent", "")}),
            kind=SpanKind.SERVER,
            attributes=attributes,
            start_time=now_ns - int(took_s * 1e9),
        )
        if status >= 500:
            span.set_status(Status(StatusCode.ERROR))
        span.end(now_ns)

    def close(self) -> None:
        """Sends what is left; gives up after a second. Blocking."""
        # The library itself would wait half a minute for a collector that is away.
        ending = threading.Thread(target=self._provider.shutdown, name="traces", daemon=True)
        ending.start()
        ending.join(CLOSING_S)


def _provider(endpoint: str) -> "TracerProvider":
    from opentelemetry.exporter.otlp.proto.http import trace_exporter  # optional dependency
    from opentelemetry.sdk.resources import Resource  # optional dependency
    from opentelemetry.sdk.trace import TracerProvider  # optional dependency
    from opentelemetry.sdk.trace.export import BatchSpanProcessor  # optional dependency

    logging.getLogger("opentelemetry").setLevel(logging.CRITICAL)  # it tells each failure
    about = {"service.name": "orca-hub", "service.version": program_version()}
    # Not made the provider of the whole process: nothing is global.
    provider = TracerProvider(resource=Resource.create(about), shutdown_on_exit=False)
    exporter = trace_exporter.OTLPSpanExporter(endpoint=f"{endpoint}{TRACES}", timeout=SENDING_S)
    provider.add_span_processor(BatchSpanProcessor(exporter))
    log.info("traces are sent to %s", redacted(endpoint))
    return provider
