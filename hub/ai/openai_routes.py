"""The routes that OpenAI's clients know, below /v1, before the models of the team."""

import json
from collections.abc import AsyncGenerator
from contextlib import aclosing

from quart import Blueprint, Response, g
from quart_schema import document_request

from agent.inference.openai_api import answers
from agent.inference.openai_api.requests import (
    chat_wanted,
    completion_wanted,
    texts_of,
    unsupported,
)
from agent.inference.openai_api.shapes import (
    ChatIn,
    CompletionIn,
    EmbeddingIn,
    OpenAIErrorOut,
    OpenAIModelOut,
    OpenAIModelsOut,
)
from agent.inference.rules import Batch, EmbedRequest
from agent.shared import web
from agent.shared.clock import Clock
from agent.shared.relaying import read_document, relayed
from hub.access import caller, member
from hub.ai import openai_shapes as shapes
from hub.ai.direct import Direct, Json

EVENTS = "text/event-stream; charset=utf-8"
FALLBACKS = "X-Orca-Fallbacks"
HEADER_BYTES = 2000  # proxies take some 4,000 for all headers of an answer


def routes(direct: Direct, clock: Clock) -> Blueprint:
    bp = Blueprint("openai", __name__, url_prefix="/v1")

    @bp.post("/chat/completions")
    @member("ai")
    @web.ends_with_client
    @document_request(ChatIn)
    @web.gives(shapes.ChatCompletionOut)
    @web.gives_media(200, "text/event-stream")
    @web.fails_with(OpenAIErrorOut)
    async def chat_completions() -> Response:
        """Answer a chat, as OpenAI does."""
        asked = web.read(ChatIn, await read_document())
        fallbacks: list[Json] = []
        batches = direct.answer(caller(), chat_wanted(asked), fallbacks)
        head = answers.Head(f"chatcmpl-{g.request_id}", int(clock().timestamp()), asked.model)
        if asked.stream:
            answer = await streamed(batches, head, wants_usage=asked.wants_usage)
            return with_header(answer, fallbacks)
        said = await collected(batches)
        whole = answers.whole_chat(head, said, wants_logprobs=bool(asked.logprobs))
        return told(whole, fallbacks)

    @bp.post("/completions")
    @member("ai")
    @web.ends_with_client
    @document_request(CompletionIn)
    @web.gives(shapes.CompletionOut)
    @web.gives_media(200, "text/event-stream")
    @web.fails_with(OpenAIErrorOut)
    async def completions() -> Response:
        """Go on with a text, as OpenAI did."""
        asked = web.read(CompletionIn, await read_document())
        if asked.suffix:
            raise unsupported("suffix", "Nothing is filled in between texts here.")
        fallbacks: list[Json] = []
        batches = direct.answer(caller(), completion_wanted(asked), fallbacks)
        made = int(clock().timestamp())
        head = answers.Head(f"cmpl-{g.request_id}", made, asked.model, is_chat=False)
        if asked.stream:
            answer = await streamed(batches, head, wants_usage=asked.wants_usage)
            return with_header(answer, fallbacks)
        said = await collected(batches)
        whole = answers.whole_text(head, said, wants_logprobs=asked.logprobs is not None)
        return told(whole, fallbacks)

    @bp.post("/embeddings")
    @member("ai")
    @web.ends_with_client
    @document_request(EmbeddingIn)
    @web.gives(shapes.EmbeddingsOut)
    @web.fails_with(OpenAIErrorOut)
    async def embeddings() -> Response:
        """Turn texts into vectors, as OpenAI does."""
        asked = web.read(EmbeddingIn, await read_document())
        texts = tuple(texts_of(asked.input, "input"))
        request = EmbedRequest(asked.model, texts, dimensions=asked.dimensions)
        fallbacks: list[Json] = []
        found = await direct.embed(caller(), request, fallbacks)
        as_base64 = asked.encoding_format == "base64"
        whole = answers.embeddings_json(found, asked.model, as_base64=as_base64)
        return told(whole, fallbacks)

    @bp.get("/models")
    @member("ai")
    @web.gives(OpenAIModelsOut)
    @web.fails_with(OpenAIErrorOut)
    async def models() -> Response:
        """The models that you may use, as OpenAI lists them."""
        return web.json({"object": "list", "data": await direct.models(caller())})

    @bp.get("/models/<path:name>")
    @member("ai")
    @web.gives(OpenAIModelOut)
    @web.fails_with(OpenAIErrorOut)
    async def model(name: str) -> Response:
        """One model, as OpenAI tells of it."""
        return web.json(await direct.model(caller(), name))

    return bp


async def collected(batches: AsyncGenerator[Batch, None]) -> answers.Said:
    """The whole answer; the model stops if the client leaves before that."""
    said = answers.Said()
    async with aclosing(batches):
        async for batch in batches:
            said.take(batch)
    return said


async def streamed(
    batches: AsyncGenerator[Batch, None], head: answers.Head, *, wants_usage: bool
) -> Response:
    """The answer as it comes; what fails before its beginning is an error with its status."""
    first = await anext(batches)
    frames = answers.Frames(head, wants_usage=wants_usage)
    return relayed(answers.stream(frames, first, batches), EVENTS)


def told(whole: Json, fallbacks: list[Json]) -> Response:
    """An answer with why others did not give it, if so."""
    if not fallbacks:
        return web.json(whole)
    return with_header(web.json({**whole, "fallbacks": fallbacks}), fallbacks)


def with_header(answer: Response, fallbacks: list[Json]) -> Response:
    """As JSON in ASCII, as headers want it; the last ones where all are too long."""
    while fallbacks and len(said := _ascii(fallbacks)) > HEADER_BYTES:
        fallbacks = fallbacks[1:]
    if fallbacks:
        answer.headers[FALLBACKS] = said
    return answer


def _ascii(fallbacks: list[Json]) -> str:
    return json.dumps(fallbacks, separators=(",", ":"))
