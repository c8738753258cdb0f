"""The agent belongs to a hub: signing in, its models, its policy, and doing without it."""

from pathlib import Path

import pytest

from tests.agent.talking import ask, opened, problem
from tests.agent.team.teaming import TEAM, a_hub, begun, let_in, signed_in, team, until
from tests.fakes.ollama import FakeOllama
from tests.serving import running_agent

OFF: dict[str, object] = {
    "state": "off",
    "url": None,
    "machine": None,
    "account": None,
    "connected_at": None,
    "key_place": None,
    "login": None,
    "problem": None,
    "problem_code": None,
    "backend": None,
    "is_up": False,
    "models": [],
    "policy": None,
}


async def test_an_agent_signs_in_by_the_browser_uses_the_hub_and_leaves(tmp_path: Path) -> None:
    async with (
        FakeOllama(models=["short"]) as far,
        a_hub(tmp_path / "hub", far) as hub,
        running_agent(tmp_path / "agent") as served,
    ):
        agent = served.client
        at_first = await team(agent)
        said = await signed_in(agent, hub)
        up = await until(agent, lambda one: bool(one["is_up"] and one["models"]))
        model, headers = up["models"][0]["name"], {"X-Request-ID": "of-the-slicer"}
        conversation = await opened(agent, model=model)
        talk = await ask(agent, conversation["id"])
        asked = {"model": model, "messages": [{"role": "user", "content": "Why?"}]}
        await agent.post("/v1/chat/completions", json=asked, headers=headers)
        carried = [one.headers.get("x-request-id") for one in far.requests[-1:]]
        bob = await hub.signed_in("bob")
        machines = (await bob.get("/machines")).json()["items"]
        listed = (await agent.get("/api/v1/backends")).json()["items"]
        tested = (await agent.post("/api/v1/backends/team/test")).json()
        kept = await agent.delete("/api/v1/backends/team")
        health = (await agent.get("/api/v1/health/ready")).json()["team"]
        models = (await agent.get("/api/v1/models")).json()["items"]
        left = await agent.delete(TEAM)
        at_last = await team(agent)
        nobody = (await agent.get("/api/v1/health/ready")).json()["team"]
        left_there = (await bob.get("/machines")).json()["items"]

    assert at_first == at_last == OFF
    shown = {name: listed[1][name] for name in ("id", "name", "source", "state", "has_key")}
    assert [one["source"] for one in listed] == ["settings", "team"]
    assert shown == {
        "id": "team",
        "name": "team",
        "source": "team",
        "state": "up",
        "has_key": False,
    }
    assert (tested["state"], [one["name"] for one in tested["models"]]) == ("up", [model])
    assert problem(kept) == (409, "team-backend")
    assert (said["url"], said["account"], said["machine"]["name"]) == (hub.url, "bob", "pi")
    assert said["policy"] == {"cloud": True, "models": ["*"], "providers": ["*"]}
    assert nobody is None
    assert health == {
        "url": hub.url,
        "account": "bob",
        "state": "on",
        "is_up": True,
        "problem": None,
        "models_count": 1,
    }
    assert [(one["name"], one["backend"], one["loaded"]) for one in models] == [
        (model, "team", False)
    ]
    assert [one["id"] for one in machines] == [said["machine"]["id"]]
    assert machines[0]["version"] != ""
    assert (talk.names[-1], talk.first("started")["backend"]) == ("done", "team")
    assert carried == ["of-the-slicer"]
    assert (left.status_code, left_there) == (204, [])


@pytest.mark.slow
async def test_what_was_signed_in_holds_after_a_restart_and_no_file_shows_a_token(
    tmp_path: Path,
) -> None:
    async with a_hub(tmp_path / "hub") as hub:
        async with running_agent(tmp_path / "agent") as served:
            before = await signed_in(served.client, hub)
        async with running_agent(tmp_path / "agent") as served:
            after = await until(served.client, lambda one: one["backend"] is not None)
            listed = await served.client.get("/api/v1/runtime")
        held = {
            file.name
            for file in (tmp_path / "agent").rglob("*")
            if file.is_file() and any(one in file.read_bytes() for one in (b"ohm_", b"ohr_"))
        }

    assert (after["machine"], after["account"]) == (before["machine"], "bob")
    assert "ohm_" not in listed.text
    assert held == {"secrets.json"}  # there is no keyring here


@pytest.mark.slow
async def test_a_refusal_and_a_stranger_at_the_door_let_nobody_in(tmp_path: Path) -> None:
    async with a_hub(tmp_path / "hub") as hub, running_agent(tmp_path / "agent") as served:
        agent = served.client
        said = await begun(agent, hub.url)
        again = await agent.post(f"{TEAM}/login", json={"url": hub.url})
        page = await let_in(await hub.signed_in("bob"), said["login"]["address"], allow=False)
        refused = await until(agent, lambda one: one["state"] != "waiting")
        await begun(agent, hub.url)
        given_up = await agent.post(f"{TEAM}/logout")
        at_last = await team(agent)

    assert problem(again) == (409, "team-signed-in")
    assert "was not let in" in page.text
    assert (refused["state"], refused["problem_code"]) == ("off", "team-refused")
    assert (given_up.status_code, at_last) == (204, OFF)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("http://hub.example.org", (422, "invalid-address")),
        ("http://127.0.0.1:9", (503, "hub-away")),
        ("https://no-such-hub.invalid", (503, "hub-away")),
    ],
)
async def test_an_address_that_cannot_be_is_told_at_once(
    tmp_path: Path, url: str, said: tuple[int, str]
) -> None:
    async with running_agent(tmp_path) as served:
        answer = await served.client.post(f"{TEAM}/login", json={"url": url})
        stranger = await served.stranger.get(TEAM)
        after = await team(served.client)

    assert (problem(answer), stranger.status_code) == (said, 401)
    assert "goes on" not in answer.json()["detail"]
    assert after["state"] == "off"


@pytest.mark.slow
async def test_a_hub_without_tls_is_told_apart_and_a_model_of_two_servers_is_one(
    tmp_path: Path,
) -> None:
    async with (
        FakeOllama(models=["short"]) as one,
        FakeOllama(models=["short"]) as two,
        a_hub(tmp_path / "hub", one, two) as hub,
        running_agent(tmp_path / "agent") as served,
    ):
        secure = hub.url.replace("http://", "https://")
        plain = await served.client.post(f"{TEAM}/login", json={"url": secure})
        ada = await hub.signed_in("ada")
        route = {"pattern": "of-the-team", "candidates": [{"provider": "*", "model": "short"}]}
        routed = await ada.post("/routes", json=route)
        await signed_in(served.client, hub)
        up = await until(served.client, lambda said: bool(said["models"]))

    assert plain.json()["detail"] == f"What answers at {secure} does not speak HTTPS."
    assert routed.status_code == 201
    assert [model["name"] for model in up["models"]] == ["of-the-team", "short:latest"]


@pytest.mark.slow
async def test_another_program_is_no_hub(tmp_path: Path, fake: FakeOllama) -> None:
    async with running_agent(tmp_path) as served:
        answer = await served.client.post(f"{TEAM}/login", json={"url": fake.url})

    assert problem(answer) == (503, "not-a-hub")


@pytest.mark.slow
async def test_a_machine_that_is_thrown_out_says_so_and_local_models_go_on(
    tmp_path: Path, fake: FakeOllama
) -> None:
    async with (
        a_hub(tmp_path / "hub") as hub,
        running_agent(tmp_path / "agent", ollama_url=fake.url) as served,
    ):
        agent = served.client
        said = await signed_in(agent, hub)
        ada = await hub.signed_in("ada")
        await ada.delete(f"/machines/{said['machine']['id']}")
        ended = (await agent.post(f"{TEAM}/look")).json()
        conversation = await opened(agent)
        talk = await ask(agent, conversation["id"])
        back = await signed_in(agent, hub)

    assert (ended["problem_code"], ended["backend"]) == ("team-ended", None)
    assert (talk.names[-1], talk.first("started")["backend"]) == ("done", "local")
    assert back["machine"]["id"] != said["machine"]["id"]


@pytest.mark.slow
async def test_without_its_hub_the_agent_goes_on_and_says_it_in_a_sentence(
    tmp_path: Path, fake: FakeOllama
) -> None:
    async with running_agent(tmp_path / "agent", ollama_url=fake.url) as served:
        agent = served.client
        async with a_hub(tmp_path / "hub") as hub:
            await signed_in(agent, hub)
        away = (await agent.post(f"{TEAM}/look")).json()
        conversation = await opened(agent)
        talk = await ask(agent, conversation["id"])
        left = await agent.delete(TEAM)
        at_last = await team(agent)

    assert (away["state"], away["problem_code"]) == ("on", "hub-away")
    assert away["problem"].endswith("does not answer. What is local goes on.")
    assert talk.first("started")["backend"] == "local"
    assert (left.status_code, at_last) == (204, OFF)


@pytest.mark.slow
async def test_without_its_hub_and_a_model_the_guide_says_who_does_not_answer(
    tmp_path: Path,
) -> None:
    async with running_agent(tmp_path / "agent") as served:
        agent = served.client
        async with a_hub(tmp_path / "hub") as hub:
            await signed_in(agent, hub)
        await agent.post("/api/v1/backends/team/test")
        talk = await ask(agent, (await opened(agent))["id"])

    text = talk.answer["content"]
    assert talk.first("started")["provider"] == "guide"
    assert "The hub of your team does not answer" in text
    assert "What is on this computer goes on" in text
    assert "install Ollama" not in text


@pytest.mark.slow
async def test_what_the_hub_says_of_clouds_and_of_memory_holds_for_its_models(
    tmp_path: Path,
) -> None:
    async with FakeOllama(models=()) as near, FakeOllama(models=()) as far:
        for one, names in ((near, ("alpha", "beta")), (far, ("alpha", "omega"))):
            for name in names:
                one.add_model(name, capabilities=["completion"])
        async with a_hub(tmp_path / "hub", near) as hub, running_agent(tmp_path / "agent") as own:
            ada = await hub.signed_in("ada")
            cloud = {"name": "cloud", "kind": "openai", "url": f"{far.url}/v1", "is_cloud": True}
            await ada.post("/providers", json=cloud)
            await signed_in(own.client, hub)
            told = await until(own.client, lambda one: one["is_up"] and len(one["models"]) == 3)
            asked = {"model": "beta", "messages": [{"role": "user", "content": "Why?"}]}
            await own.client.post("/v1/chat/completions", json=asked)
            await own.client.post(f"{TEAM}/look")
            models = (await own.client.get("/api/v1/models")).json()["items"]

    clouds = {one["name"]: one["is_cloud"] for one in told["models"]}
    assert clouds == {"alpha:latest": False, "beta:latest": False, "omega:latest": True}
    memory = {one["name"]: one["loaded"] for one in models}
    assert memory == {"alpha:latest": False, "beta:latest": True, "omega:latest": False}


@pytest.mark.slow
@pytest.mark.parametrize("named", ["alpha:latest", "omega:latest"])
async def test_among_models_of_the_team_the_one_that_the_hub_names_answers(
    tmp_path: Path, named: str
) -> None:
    async with FakeOllama(models=()) as far:
        for name in ("alpha", "omega"):
            far.add_model(name, capabilities=["completion"])
        async with (
            a_hub(tmp_path / "hub", far, default_model=named) as hub,
            running_agent(tmp_path / "agent") as served,
        ):
            await signed_in(served.client, hub)
            await until(served.client, lambda one: bool(one["is_up"] and one["models"]))
            told = (await served.client.get("/api/v1/models")).json()["default_model"]

    assert told == named


@pytest.mark.slow
async def test_a_team_that_lets_nothing_leave_is_obeyed_by_other_servers(
    tmp_path: Path, fake: FakeOllama
) -> None:
    cloud = {
        "name": "far",
        "provider": "openai",
        "url": "https://far.example.org/v1",
        "force": True,
    }
    async with (
        a_hub(tmp_path / "hub") as hub,
        running_agent(tmp_path / "agent", ollama_url=fake.url) as served,
    ):
        agent = served.client
        ada = await hub.signed_in("ada")
        kept = await ada.put(
            "/policy", json={"rules": [{"subject_kind": "everybody", "cloud": False}]}
        )
        said = await signed_in(agent, hub)
        await agent.post("/api/v1/backends", json=cloud)
        servers = (await agent.get("/api/v1/backends")).json()["items"]

    assert kept.status_code == 200, kept.text
    assert said["policy"]["cloud"] is False
    details = {one["name"]: one["detail"] for one in servers}
    assert details["far"] == "The team lets no text leave for a cloud, so far is not asked."
    assert details["local"] is None
