"""The print guide over HTTP."""

import httpx

from agent.guide.documents import TOPICS


async def test_a_question_is_answered_with_passages(client: httpx.AsyncClient) -> None:
    reply = await client.get("/api/v1/guide", params={"q": "why does PETG string?", "limit": 2})

    page = reply.json()
    assert reply.status_code == 200
    assert page["next_cursor"] is None
    assert [item["ref"] for item in page["items"]] == ["guide/stringing", "guide/petg"]
    first = page["items"][0]
    assert set(first) == {"title", "ref", "topic", "tags", "text", "score"}
    assert first["score"] > page["items"][1]["score"] > 0


async def test_what_nothing_fits_gets_an_empty_list(client: httpx.AsyncClient) -> None:
    reply = await client.get("/api/v1/guide", params={"q": "write me a poem"})

    assert (reply.status_code, reply.json()) == (200, {"items": [], "next_cursor": None})


async def test_without_a_question_every_entry_is_listed_by_topic(
    client: httpx.AsyncClient,
) -> None:
    items = (await client.get("/api/v1/guide")).json()["items"]

    places = [(item["topic"], item["title"]) for item in items]
    assert len(items) >= 90
    assert places == sorted(places)
    assert {item["topic"] for item in items} == set(TOPICS)
    assert set(items[0]) == {"title", "ref", "topic", "tags"}


async def test_an_entry_is_shown_whole(client: httpx.AsyncClient) -> None:
    reply = await client.get("/api/v1/guide/guide/calibrate-max-flow")

    entry = reply.json()
    assert reply.status_code == 200
    assert entry["text"].startswith("Finds how many cubic millimetres")
    assert {name: entry[name] for name in ("title", "ref", "topic", "keys", "see")} == {
        "title": "Maximum volumetric speed test",
        "ref": "guide/calibrate-max-flow",
        "topic": "calibration",
        "keys": ["filament_max_volumetric_speed"],
        "see": [
            "guide/max-volumetric-speed",
            "guide/under-extrusion",
            "guide/calibrate-temperature",
            "guide/speeds",
        ],
    }


async def test_an_unknown_entry_is_a_problem(client: httpx.AsyncClient) -> None:
    reply = await client.get("/api/v1/guide/guide/perpetual-motion")

    problem = reply.json()
    assert (reply.status_code, problem["type"]) == (404, "urn:orca:problem:no-such-entry")


async def test_a_limit_out_of_range_is_named(client: httpx.AsyncClient) -> None:
    reply = await client.get("/api/v1/guide", params={"q": "warping", "limit": 51})

    assert reply.status_code == 422
    assert [error["field"] for error in reply.json()["errors"]] == ["limit"]
