"""The API fuzzed from its own description: no failure of ours, and nothing that it does not say."""

from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st
from hypothesis.errors import Unsatisfiable
from schemathesis import GenerationMode
from schemathesis.specs.openapi import checks

from tests.agent.program import program
from tests.agent.slicer.sending import CUBE
from tests.agent.test_chat_search import file
from tests.serving import NO_TLS

Json = dict[str, Any]  # Any: JSON values
CHECKS = [
    checks.status_code_conformance,
    checks.content_type_conformance,
    checks.response_headers_conformance,
    checks.response_schema_conformance,
]
LEFT_OUT = {
    "DELETE /api/v1/session": "it would sign the fuzzer out",
    "POST /api/v1/stop": "it would end the agent",
    "POST /api/v1/restart": "it would cut off what comes next",
    "GET /api/v1/logs/stream": "it goes on as long as the agent does",
}


@dataclass(frozen=True, slots=True)
class Target:
    """A running agent with something in it, and what its ids are."""

    url: str
    token: str
    described: Json
    ids: dict[str, str]


@pytest.fixture(scope="module")
def target(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Target]:
    folder: Path = tmp_path_factory.mktemp("fuzz")
    with program(folder / "data") as one:
        agent = one.serve()
        headers = {"Authorization": f"Bearer {agent.token}"}
        with httpx.Client(
            base_url=agent.url, headers=headers, verify=NO_TLS, trust_env=False
        ) as client:
            # A token of its own: the main one may be changed by the fuzzer.
            scopes = ["chat", "models", "slicer", "printhost", "admin"]
            made = client.post("/api/v1/tokens", json={"name": "fuzz", "scopes": scopes}).json()
            kept = file(1, "Fuzz", "Why?", "Because.")
            client.post("/api/v1/conversations/import", json=kept).raise_for_status()
            conversation_id = kept["conversation"]["id"]
            posted = client.post(
                f"/api/v1/conversations/{conversation_id}/messages", json={"content": "Why?"}
            ).json()
            sliced = client.post("/api/v1/slicer/files?name=fuzz.gcode", content=CUBE).json()
            described = client.get("/openapi.json").json()
        ids = {
            "conversation_id": conversation_id,
            "message_id": posted["message"]["id"],
            "run_id": posted["run"]["id"],
            "file_id": sliced["id"],
            "printer": "default",
        }
        yield Target(agent.url, made["token"], described, ids)


def fuzz(target: Target, examples: int) -> Counter[int]:
    """Sends `examples` requests of both kinds to every operation; how often which status came."""
    schema = schemathesis.openapi.from_dict(target.described)
    seen: Counter[int] = Counter()
    for found in schema.get_all_operations():
        operation = found.ok()  # type: ignore[union-attr] # raises if it cannot be read
        if operation.label in LEFT_OUT:
            continue
        for mode in (GenerationMode.POSITIVE, GenerationMode.NEGATIVE):
            _fuzz_one(target, operation.as_strategy(generation_mode=mode), examples, seen)
    return seen


def _fuzz_one(
    target: Target, cases: Any, examples: int, seen: Counter[int]
) -> None:  # Any: untyped
    @seed(7)
    @settings(
        max_examples=examples,
        database=None,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(case=cases, uses_known_id=st.booleans())
    def one(case: Any, uses_known_id: bool) -> None:  # noqa: FBT001 - hypothesis calls it
        if uses_known_id and case.path_parameters:
            for name, value in target.ids.items():
                if name in case.path_parameters:
                    case.path_parameters[name] = value
        reply = case.call(
            base_url=target.url, headers={"Authorization": f"Bearer {target.token}"}, timeout=30
        )
        seen[reply.status_code] += 1
        assert reply.status_code < 500 or reply.status_code == 503, (case, reply.text)
        # The description knows a stream of events as one text, not event by event.
        is_stream = reply.headers.get("content-type", [""])[0].startswith("text/event-stream")
        case.validate_response(reply, checks=CHECKS[:-1] if is_stream else CHECKS)

    with suppress(Unsatisfiable):  # nothing can be wrong where nothing is sent
        one()


@pytest.mark.slow
@pytest.mark.timeout(60)
def test_the_api_keeps_to_its_description(target: Target) -> None:
    seen = fuzz(target, 1)

    assert {status for status in seen if status >= 500} <= {503}
    assert seen[200] > 0


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_the_api_keeps_to_its_description_for_long(target: Target) -> None:
    seen = fuzz(target, 40)

    assert {status for status in seen if status >= 500} <= {503}
