"""What stands around the answers: metrics, compression, tags, other origins, proxies, traces."""

import asyncio
import gzip
from pathlib import Path
from typing import Any

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families

from hub.operation.proxies import BehindProxies
from tests.hub.asking import asked_hub, streamed
from tests.hub.serving import Served, running_hub

pytestmark = pytest.mark.asyncio(loop_scope="module")
TOKEN = {"Authorization": "Bearer of-the-metrics-and-of-nobody-else"}
CONSOLE = "https://console.example.org"


def code(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["type"].rpartition(":")[2]


async def test_metrics_want_their_own_token_and_are_of_routes_not_of_addresses(
    tmp_path: Path,
) -> None:
    environment = {"ORCA_HUB_METRICS_TOKEN": "of-the-metrics-and-of-nobody-else"}
    async with running_hub(tmp_path, environment=environment) as served:
        root = httpx.URL(served.url)
        nobody = await served.stranger.get(root.join("/metrics"))
        wrong = await served.stranger.get(
            root.join("/metrics"), headers={"Authorization": "Bearer guessed"}
        )
        await served.stranger.get("/users/an-id-that-somebody-made-up")
        scraped = await served.stranger.get(
            root.join("/metrics"), headers={**TOKEN, "Host": "10.0.0.7:14480"}
        )

    lines = scraped.text.splitlines()
    assert [code(nobody), code(wrong)] == [(401, "unauthenticated")] * 2
    assert scraped.headers["Content-Type"].startswith("text/plain; version=0.0.4")
    assert (
        'orca_hub_requests_total{method="GET",route="/api/v1/users/<user_id>",status="4xx"} 1.0'
        in lines
    )
    assert 'orca_hub_part_up{part="database"} 1.0' in lines
    assert 'orca_hub_processes_alive{kind="worker"} 0.0' in lines
    assert not any("made-up" in line for line in lines)


@pytest.mark.slow
async def test_without_a_setting_nobody_reads_metrics(hub: Served) -> None:
    root = httpx.URL(hub.url)
    answer = await hub.stranger.get(root.join("/metrics"), headers=TOKEN)
    otherwise = await hub.stranger.get(root.join("/metrics/"))

    assert [code(answer), code(otherwise)] == [(401, "unauthenticated")] * 2
    assert answer.headers["WWW-Authenticate"] == 'Bearer realm="orca-hub"'
    assert "ORCA_HUB_METRICS_TOKEN" in answer.json()["detail"]


async def test_of_an_unknown_address_it_is_said_where_the_routes_are_listed(hub: Served) -> None:
    ada = await hub.signed_in("ada")
    answer = await ada.get("/no/such/thing")

    assert code(answer) == (404, "no-such-route")
    assert answer.json()["detail"].endswith("The routes are listed at /api/v1/docs.")


async def test_two_slashes_are_an_unknown_address_and_lead_nowhere(hub: Served) -> None:
    answer = await hub.stranger.get(f"{hub.url}/api//v1/users/me")

    assert (answer.status_code, answer.json()["type"]) == (404, "urn:orca:problem:no-such-route")


async def test_lists_are_compressed_and_not_sent_again(hub: Served) -> None:
    ada = await hub.signed_in("ada")
    for number in range(10):
        await hub.hub.core.audit.note_alone("test.noted", f"thing {number}")
    asked: Any = {  # Any: keywords of httpx
        "params": {"action": "test.noted"}
    }
    plain = await ada.get("/audit", **asked, headers={"Accept-Encoding": "identity"})
    async with ada.stream("GET", "/audit", **asked) as answer:
        raw = b"".join([part async for part in answer.aiter_raw()])
        headers = answer.headers
    same = await ada.get("/audit", **asked, headers={"If-None-Match": headers["ETag"]})
    small = await ada.get("/users/me")

    assert "Content-Encoding" not in plain.headers
    assert (headers["Content-Encoding"], headers["Cache-Control"]) == ("gzip", "private, no-cache")
    assert "Accept-Encoding" in ", ".join(headers.get_list("Vary"))
    assert gzip.decompress(raw) == plain.content
    assert (same.status_code, same.content, same.headers["ETag"]) == (304, b"", headers["ETag"])
    assert (small.headers["Cache-Control"], "ETag" in small.headers) == ("no-store", False)


async def test_pages_of_listed_origins_may_ask_with_a_token_and_never_with_a_session(
    tmp_path: Path,
) -> None:
    environment = {"ORCA_HUB_CORS_ORIGINS": f"{CONSOLE}, https://other.example.org"}
    async with running_hub(tmp_path, environment=environment) as served:
        asks = {"Access-Control-Request-Method": "GET"}
        from_console, from_evil = {"Origin": CONSOLE}, {"Origin": "https://evil.example"}
        stranger = served.stranger
        may = await stranger.options("/users/me", headers={**from_console, **asks})
        may_not = await stranger.options("/users/me", headers={**from_evil, **asks})
        bearer = {"Authorization": "Bearer oht_guessed"}
        token = await stranger.get("/users/me", headers={**from_console, **bearer})
        bare = await stranger.get("/users/me", headers=from_console)
        evil = await stranger.get("/users/me", headers={**from_evil, **bearer})

    assert (may.status_code, may.headers["Access-Control-Allow-Origin"]) == (204, CONSOLE)
    assert "Access-Control-Allow-Credentials" not in may.headers
    assert (code(may_not), code(bare), code(evil)) == (
        (403, "foreign-origin"),
        (403, "foreign-origin"),
        (403, "foreign-origin"),
    )
    assert (token.status_code, token.headers["Access-Control-Allow-Origin"]) == (401, CONSOLE)
    assert "X-Orca-Fallbacks" in token.headers["Access-Control-Expose-Headers"].split(", ")
    assert "Access-Control-Allow-Origin" not in evil.headers


@pytest.mark.parametrize(
    ("hops", "forwarded", "address"),
    [
        (0, "198.51.100.7", "10.0.0.1"),
        (1, "198.51.100.7", "198.51.100.7"),
        (1, "6.6.6.6, 198.51.100.7", "198.51.100.7"),
        (2, "6.6.6.6, 198.51.100.7, 10.0.0.9", "198.51.100.7"),
        (2, "198.51.100.7", "10.0.0.1"),
        (1, "198.51.100.7:4711", "198.51.100.7"),
        (1, "[2001:db8::7]:4711", "2001:db8::7"),
        (1, "2001:db8::7", "2001:db8::7"),
        (1, "<script>", "10.0.0.1"),
        (1, "", "10.0.0.1"),
    ],
)
async def test_an_address_is_believed_of_as_many_proxies_as_are_declared(
    hops: int, forwarded: str, address: str
) -> None:
    seen: list[Any] = []  # Any: scopes

    async def app(scope: Any, _receive: object, _send: object) -> None:
        seen.append(scope)

    headers = [(b"host", b"hub"), (b"x-forwarded-for", forwarded.encode())]
    headers += [(b"x-forwarded-proto", b"https"), (b"x-forwarded-host", b"hub.example.org")]
    sent: Any = {"type": "http", "client": ("10.0.0.1", 4), "scheme": "http", "headers": headers}
    await BehindProxies(app, hops)(sent, nothing, nothing)

    assert seen[0]["client"][0] == address
    assert sent["client"] == ("10.0.0.1", 4)


async def nothing(*_: object) -> Any:  # Any: nobody looks
    await asyncio.sleep(0)


@pytest.mark.slow
async def test_what_models_wrote_is_counted_and_prometheus_understands_all_of_it(
    tmp_path: Path,
) -> None:
    environment = {"ORCA_HUB_METRICS_TOKEN": "of-the-metrics-and-of-nobody-else"}
    async with asked_hub(tmp_path, environment) as asked:
        events = await streamed(asked.bob, "/ai/chat", CHAT)
        answer = await asked.ada.get(httpx.URL(asked.hub.url).join("/metrics"), headers=TOKEN)
    lines = answer.text.splitlines()
    families = list(text_string_to_metric_families(answer.text))

    assert events[-1].name == "done"
    where = 'model="qwen3:4b",outcome="done",provider="ollama"'
    assert f"orca_hub_model_requests_total{{{where}}} 1.0" in lines
    assert 'orca_hub_runs_ended_total{state="done"} 1.0' in lines
    assert any(
        one.name == "orca_hub_answer_tokens" and one.samples[0].value > 0 for one in families
    )
    assert all(
        one.documentation and one.name.startswith(("orca_hub_", "process_")) for one in families
    )


CHAT = {"model": "qwen3:4b", "messages": [{"role": "user", "content": "Hello"}]}
