"""OpenTelemetry: a span for each request, by the conventions for generative models.

Costs nothing without an endpoint: the libraries (extra `otel`) are imported with the first span."""

import logging
import threading
from collections.abc import Mapping, Sequence
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from agent.shared.redaction import redacted
from agent.telemetry.rules import Kind, RequestRecord

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import TracerProvider

log = logging.getLogger(__name__)

TRACES = "/v1/traces"
CLOSING_S = 1.0
SENDING_S = 5
OPERATIONS: Mapping[Kind, str] = {"generate": "text_completion", "embed": "embeddings"}
# Ends that the caller, or nobody, wanted.
GOOD_ENDS = {"done", "cancelled"}


def tracing_to(endpoint: str | None, version: str) -> "Tracing | None":
    """What sends traces, or None where nobody wants them or the extra is not installed."""
    if not endpoint:
        return None
    if not endpoint.startswith(("http://", "https://")):
        # The plain variable may be meant for programs that speak another protocol.
        log.warning("no traces are sent: %s is no http or https address", redacted(endpoint))
        return None
    try:
        is_there = find_spec("opentelemetry.sdk") is not None
    except ModuleNotFoundError:  # not even the package around it
        is_there = False
    if not is_there:
        log.warning("no traces are sent: install the extra, `pip install orca-agents[otel]`")
        return None
    return Tracing(endpoint, version)


class Tracing:
    """Sends a span for each record, in batches and a thread of its own; a collector that is away
    costs nothing but the spans. To be called in one thread at a time, not on the event loop."""

    def __init__(self, endpoint: str, version: str) -> None:
        self._endpoint, self._version = endpoint.rstrip("/"), version
        self._provider: TracerProvider | None = None

    def __call__(self, records: Sequence[RequestRecord]) -> None:
        from opentelemetry.trace import SpanKind, Status, StatusCode  # optional dependency

        self._provider = self._provider or self._connected()
        tracer = self._provider.get_tracer("orca-agent", self._version)
        for record in records:
            began_ns = int(record.at.timestamp() * 1000) * 1_000_000
            attributes = attributes_of(record)
            name = f"{attributes['gen_ai.operation.name']} {record.model}".strip()
            span = tracer.start_span(
                name, kind=SpanKind.CLIENT, attributes=attributes, start_time=began_ns
            )
            if record.outcome not in GOOD_ENDS:
                span.set_status(Status(StatusCode.ERROR, record.code or record.outcome))
            span.end(began_ns + int(record.total_ms * 1_000_000))

    def close(self) -> None:
        """Sends what is left; gives up after a second. Blocking."""
        if self._provider is not None:
            # The library itself would wait half a minute for a collector that is away.
            ending = threading.Thread(target=self._provider.shutdown, name="traces", daemon=True)
            ending.start()
            ending.join(CLOSING_S)

    def _connected(self) -> "TracerProvider":
        from opentelemetry.exporter.otlp.proto.http import trace_exporter  # optional dependency
        from opentelemetry.sdk.resources import Resource  # optional dependency
        from opentelemetry.sdk.trace import TracerProvider  # optional dependency
        from opentelemetry.sdk.trace.export import BatchSpanProcessor  # optional dependency

        logging.getLogger("opentelemetry").setLevel(logging.CRITICAL)  # it tells each failure
        about = {"service.name": "orca-agent", "service.version": self._version}
        # Not made the provider of the whole process: nothing is global.
        provider = TracerProvider(resource=Resource.create(about), shutdown_on_exit=False)
        exporter = trace_exporter.OTLPSpanExporter(
            endpoint=f"{self._endpoint}{TRACES}", timeout=SENDING_S
        )
        provider.add_span_processor(BatchSpanProcessor(exporter))
        log.info("traces are sent to %s", redacted(self._endpoint))
        return provider


def attributes_of(record: RequestRecord) -> dict[str, Any]:  # Any: str, int, float or bool
    """By the semantic conventions for generative models; what they do not name begins with
    `orca`. Nothing of what was asked or answered."""
    named: dict[str, Any] = {  # Any: as above
        "gen_ai.operation.name": OPERATIONS.get(record.kind, "chat"),
        "gen_ai.provider.name": record.provider,
        "gen_ai.request.model": record.model,
        "gen_ai.usage.input_tokens": record.prompt_tokens,
        "gen_ai.usage.output_tokens": record.completion_tokens,
        "gen_ai.response.time_to_first_chunk": round(record.first_token_ms / 1000, 6),
        "error.type": record.code or ("" if record.outcome in GOOD_ENDS else record.outcome),
        "orca.request.id": record.id,
        "orca.kind": record.kind,
        "orca.outcome": record.outcome,
        "orca.project": record.project,
        "orca.backend": record.backend,
        "orca.queued_ms": record.queued_ms,
        "orca.load_ms": record.load_ms,
        "orca.tokens_per_second": record.tokens_per_second,
        "orca.cached": record.cached,
        "orca.was_cold": record.was_cold,
    }
    return {name: value for name, value in named.items() if value not in ("", 0)}
