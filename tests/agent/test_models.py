"""Which models there are, what they can do, and which one answers."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from quart import Quart

from agent.inference import routes as inference_routes
from agent.inference.backend import Backend
from agent.inference.ollama import Ollama
from agent.inference.queue import Queue
from agent.models import routes
from agent.models.rules import Model, by_preference, fits
from agent.models.service import ModelService
from agent.shared import problems
from agent.shared.errors import Invalid, NotFound, Unavailable
from tests.fakes.ollama import FakeOllama

GB = 10**9


def model(name: str, size: int = GB, *, family: str = "llama", is_remote: bool = False) -> Model:
    return Model(
        name=name,
        backend="local",
        size_bytes=size,
        capabilities=(),
        context_length=None,
        loaded=False,
        expires_at=None,
        digest=name,
        family=family,
        parameter_size="",
        quantization="",
        is_remote=is_remote,
    )


@pytest.fixture
async def fake() -> AsyncIterator[FakeOllama]:
    async with FakeOllama(models=[]) as fake:
        yield fake


@asynccontextmanager
async def serving(
    fake: FakeOllama, *, default: str | None = None, memory_bytes: int | None = None
) -> AsyncIterator[ModelService]:
    async with Ollama(fake.url) as ollama:
        backend = Backend(ollama)
        await backend.check_now()
        yield ModelService([backend], default_model=default, memory_bytes=memory_bytes)


# --- the choice -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("memory_gb", "order"),
    [
        (64, ["qwen3:32b", "qwen3:8b", "qwen3-vl:4b", "llama3.1:8b", "mistral:7b"]),
        (16, ["qwen3:8b", "qwen3-vl:4b", "llama3.1:8b", "mistral:7b", "qwen3:32b"]),
        (8, ["qwen3-vl:4b", "mistral:7b", "llama3.1:8b", "qwen3:8b", "qwen3:32b"]),
        (2, ["qwen3-vl:4b", "mistral:7b", "llama3.1:8b", "qwen3:8b", "qwen3:32b"]),
    ],
)
def test_the_largest_qwen3_that_fits_is_preferred(memory_gb: int, order: list[str]) -> None:
    models = [
        model("mistral:7b", int(4.0 * GB)),
        model("llama3.1:8b", int(4.9 * GB)),
        model("qwen3:8b", int(5.2 * GB), family="qwen3"),
        model("qwen3:32b", 20 * GB, family="qwen3"),
        model("qwen3-vl:4b", int(3.3 * GB), family="qwen3vl"),
        model("qwen3-cloud", 0, family="qwen3", is_remote=True),
    ]

    assert [m.name for m in by_preference(models, memory_gb * GB)] == order


def test_where_the_memory_is_unknown_everything_fits() -> None:
    assert fits(model("big", 500 * GB), None)


async def test_nobody_names_a_model_and_the_best_installed_one_answers(fake: FakeOllama) -> None:
    fake.add_model("bge", capabilities=["embedding"], family="qwen3", size=9 * GB)
    fake.add_model("llama3.1:8b", family="llama", size=5 * GB)
    fake.add_model("qwen3:4b", family="qwen3", size=3 * GB)
    async with serving(fake) as models:
        chosen = await models.choose(None, needs_vision=False)

        assert chosen is not None
        assert (chosen.name, models.default_name()) == ("qwen3:4b", "qwen3:4b")


async def test_a_message_with_an_image_goes_to_a_model_that_sees(fake: FakeOllama) -> None:
    fake.add_model("qwen3:8b", family="qwen3", size=5 * GB)
    fake.add_model("llava", family="llama", size=4 * GB, capabilities=["completion", "vision"])
    async with serving(fake, default="qwen3:8b") as models:
        chosen = await models.choose(None, needs_vision=True)

    assert chosen is not None
    assert chosen.name == "llava:latest"


async def test_the_default_model_answers_if_it_is_installed(fake: FakeOllama) -> None:
    fake.add_model("qwen3:8b", family="qwen3")
    fake.add_model("mistral", family="llama")
    async with serving(fake, default="Mistral") as models, serving(fake, default="gone") as other:
        wanted = await models.choose(None, needs_vision=False)
        instead = await other.choose(None, needs_vision=False)

        assert (models.default_name(), other.default_name()) == ("mistral:latest", "qwen3:8b")
    assert wanted is not None
    assert instead is not None
    assert (wanted.name, instead.name) == ("mistral:latest", "qwen3:8b")


async def test_a_named_model_is_found_in_any_case_and_without_its_tag(fake: FakeOllama) -> None:
    fake.add_model("qwen3", context_length=40960)
    async with serving(fake) as models:
        chosen = await models.choose("QWEN3", needs_vision=False)

    assert chosen is not None
    assert (chosen.name, chosen.context_length) == ("qwen3:latest", 40960)


async def test_a_named_model_that_is_not_installed_is_not_found(fake: FakeOllama) -> None:
    async with serving(fake) as models:
        with pytest.raises(NotFound) as caught:
            await models.choose("qwen3:4b", needs_vision=False)

    assert (caught.value.code, caught.value.detail) == (
        "model-not-found",
        "There is no model called qwen3:4b. Get it with `orca-agent models pull qwen3:4b`.",
    )


async def test_a_model_pulled_a_moment_ago_is_found(fake: FakeOllama) -> None:
    async with serving(fake) as models:
        fake.add_model("fresh")
        chosen = await models.choose("fresh", needs_vision=False)

    assert chosen is not None


@pytest.mark.parametrize(
    ("capabilities", "code"), [(["completion"], "no-vision"), (["embedding"], "no-chat")]
)
async def test_a_named_model_that_cannot_do_it_is_refused_before_it_is_loaded(
    fake: FakeOllama, capabilities: list[str], code: str
) -> None:
    fake.add_model("small", capabilities=capabilities)
    async with serving(fake) as models:
        with pytest.raises(Invalid) as caught:
            await models.choose("small", needs_vision=True)

    assert caught.value.code == code
    assert {seen.path for seen in fake.requests}.isdisjoint({"/api/chat", "/api/generate"})


@pytest.mark.parametrize(
    ("others", "named"),
    [
        ({"qwen2.5vl:7b": ["completion", "vision"]}, "qwen2.5vl:7b"),
        ({"embed": ["embedding"], "large": ["completion"]}, "qwen3-vl"),
    ],
)
async def test_a_model_that_sees_is_named_to_who_asked_one_that_does_not(
    fake: FakeOllama, others: dict[str, list[str]], named: str
) -> None:
    fake.add_model("blind", capabilities=["completion"])
    for name, capabilities in others.items():
        fake.add_model(name, capabilities=capabilities)
    async with serving(fake) as models:
        with pytest.raises(Invalid) as caught:
            await models.choose("blind", needs_vision=True)

    assert str(caught.value) == (
        f"blind:latest cannot see images. Choose a model with vision, such as {named}."
    )


async def test_an_image_where_no_model_sees_is_refused_with_advice(fake: FakeOllama) -> None:
    fake.add_model("qwen3:8b")
    async with serving(fake) as models:
        with pytest.raises(Invalid, match="orca-agent models pull qwen3-vl:4b"):
            await models.choose(None, needs_vision=True)


@pytest.mark.parametrize("named", [None, "tiny"])
async def test_without_a_backend_there_is_nothing_to_choose(
    fake: FakeOllama, named: str | None
) -> None:
    await fake.stop()
    async with serving(fake) as models:
        chosen = await models.choose(named, needs_vision=False)
        with pytest.raises(Unavailable) as caught:
            await models.details("tiny")

        assert (chosen, models.models(), models.default_name()) == (None, [], None)
    assert caught.value.code == "ollama-down"


async def test_without_models_there_is_nothing_to_choose(fake: FakeOllama) -> None:
    async with serving(fake) as models:
        assert await models.choose(None, needs_vision=True) is None


# --- details ----------------------------------------------------------------------------------


async def test_show_is_trusted_over_the_list_and_asked_once(fake: FakeOllama) -> None:
    fake.add_recorded("tool")
    async with serving(fake) as models:
        listed = models.models()[0].capabilities
        first = await models.details("tool")
        await models.details("tool:latest")

        assert models.models()[0] == first
    assert (listed, first.capabilities) == (("completion",), ("tools", "completion"))
    assert [seen.path for seen in fake.requests].count("/api/show") == 1


async def test_listing_asks_nobody(fake: FakeOllama) -> None:
    fake.add_model("a")
    async with serving(fake) as models:
        asked = len(fake.requests)
        for _ in range(10):
            models.models()

        assert len(fake.requests) == asked


# --- routes -----------------------------------------------------------------------------------


async def test_the_routes_list_models_and_queues(fake: FakeOllama) -> None:
    fake.add_model("hhao/qwen2.5-coder:32b", size=20 * GB, context_length=32768)
    async with serving(fake) as models:
        app = Quart("test")
        problems.install(app)
        app.register_blueprint(routes.routes(models))
        queue = Queue("text", lanes={"local": 1}, capacity=8, wait_limit_s=9)
        app.register_blueprint(inference_routes.routes([queue]))
        client = app.test_client()

        listed = await (await client.get("/api/v1/models")).get_json()
        one = await (await client.get("/api/v1/models/HHAO/qwen2.5-coder:32b")).get_json()
        missing = await client.get("/api/v1/models/nosuch")
        queues = await (await client.get("/api/v1/queues")).get_json()

    assert (listed["default_model"], listed["next_cursor"]) == ("hhao/qwen2.5-coder:32b", None)
    assert listed["default_vision_model"] is None
    assert listed["items"] == [one]
    assert (one["name"], one["context_length"], one["loaded"]) == (
        "hhao/qwen2.5-coder:32b",
        32768,
        False,
    )
    assert (missing.status_code, (await missing.get_json())["type"]) == (
        404,
        "urn:orca:problem:model-not-found",
    )
    assert [item["name"] for item in queues["items"]] == ["text"]
