"""The hub's API fuzzed from its own description, as an Administrator and as a User, on each
database: no failure of ours, nothing it does not say."""

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

from tests.hub.replicas import replica
from tests.hub.serving import PASSWORD
from tests.hub.test_doctor import run

pytestmark = pytest.mark.slow
Json = dict[str, Any]  # Any: JSON values
CHECKS = [
    checks.status_code_conformance,
    checks.content_type_conformance,
    checks.response_headers_conformance,
    checks.response_schema_conformance,
]
LEFT_OUT = {
    "POST /api/v1/auth/logout": "it would sign the fuzzer out",
    "DELETE /api/v1/auth/sessions": "the same",
    "POST /api/v1/auth/refresh": "the same, by the family of its token",
}
SCIM_TOKEN = "ohs_" + "fuzz-of-a-provider-0123456789" * 2
TOO_LONG = 431  # headers that the server itself refuses, in its own words
OTHERS = ("/scim/", "/v1/")  # the form of their errors is not ours to choose
ENVIRONMENT = {
    "ORCA_HUB_SCIM_TOKEN": SCIM_TOKEN,
    "ORCA_HUB_RATE_PER_USER": "1000000/minute",
    "ORCA_HUB_RATE_PER_ADDRESS": "1000000/minute",
    "ORCA_HUB_RATE_OF_LOGINS": "1000000/minute",
    "ORCA_HUB_ACCESS_MINUTES": "60",
    "ORCA_HUB_LOG_LEVEL": "error",
}


@dataclass(frozen=True, slots=True)
class Target:
    """A running hub with something in it, and what its ids are."""

    url: str
    tokens: dict[str, str]
    described: Json
    ids: dict[str, str]


@pytest.fixture(scope="module")
def target(
    environment: dict[str, str], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Target]:
    folder: Path = tmp_path_factory.mktemp("fuzz")
    url = environment.get("ORCA_HUB_DATABASE_URL")
    database = {"database_url": url} if url else {}
    for name, role in (("ada", "administrator"), ("bob", "user"), ("eve", "user")):
        words = ("user", "add", name, "--role", role, "--password-stdin")
        added = run(folder / "data", *words, stdin=f"{PASSWORD}\n", **database)
        assert added.exit_code == 0, added.output
    with (
        replica(folder, ENVIRONMENT | environment) as hub,
        httpx.Client(base_url=f"{hub.url}/api/v1") as client,
    ):
        tokens = {}
        for name in ("bob", "ada"):
            asked = {"username": name, "password": PASSWORD}
            tokens[name] = client.post("/auth/login", json=asked).json()["access_token"]
            client.headers["Authorization"] = f"Bearer {tokens[name]}"
        yield Target(hub.url, tokens, client.get("/openapi.json").json(), things_of(client))


def things_of(client: httpx.Client) -> dict[str, str]:
    """Ids of what there is: an Administrator's, and of somebody else, who may be removed."""
    eve = client.get("/users", params={"q": "eve"}).json()["items"][0]["id"]
    return {
        "user_id": eve,
        "account_id": eve,
        "group_id": client.post("/groups", json={"name": "printers"}).json()["id"],
        "conversation_id": client.post("/conversations", json={"title": "A cube"}).json()["id"],
        "job_id": client.post("/jobs", json={"name": "jobs.forget"}).json()["id"],
    }


def fuzz(target: Target, name: str, examples: int) -> Counter[int]:
    """Sends `examples` requests of both kinds to every operation, as somebody; how often which
    status came."""
    schema = schemathesis.openapi.from_dict(target.described)
    seen: Counter[int] = Counter()
    for found in schema.get_all_operations():
        operation = found.ok()  # type: ignore[union-attr] # raises if it cannot be read
        if operation.label in LEFT_OUT:
            continue
        for mode in (GenerationMode.POSITIVE, GenerationMode.NEGATIVE):
            cases = operation.as_strategy(generation_mode=mode)
            _fuzz_one(target, target.tokens[name], cases, examples, seen)
    return seen


def _fuzz_one(
    target: Target, own: str, cases: Any, examples: int, seen: Counter[int]
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
        token = SCIM_TOKEN if case.path.startswith("/scim/") else own
        headers = {"Authorization": f"Bearer {token}"}
        reply = case.call(base_url=target.url, headers=headers, timeout=30)
        seen[reply.status_code] += 1
        assert reply.status_code < 500 or reply.status_code == 503, (case, reply.text)
        if case.path.startswith(OTHERS) or reply.status_code == TOO_LONG:
            return
        # The description knows a stream of events as one text, not event by event.
        is_stream = reply.headers.get("content-type", [""])[0].startswith("text/event-stream")
        case.validate_response(reply, checks=CHECKS[:-1] if is_stream else CHECKS)

    with suppress(Unsatisfiable):  # nothing can be wrong where nothing is sent
        one()


# The User first: the Administrator changes what there is.
@pytest.mark.parametrize("name", ["bob", "ada"])
@pytest.mark.timeout(300)
def test_the_api_keeps_to_its_description(target: Target, name: str) -> None:
    seen = fuzz(target, name, 1)

    assert {status for status in seen if status >= 500} <= {503}
    assert seen[200] > 0
    assert (seen[403] > 20) == (name == "bob")


@pytest.mark.timeout(1200)
def test_the_api_keeps_to_its_description_for_long(target: Target) -> None:
    seen = fuzz(target, "ada", 12)

    assert {status for status in seen if status >= 500} <= {503}
