"""The routes that OpenAI's clients know, below /v1, before the models of the team."""

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
    ChatCompletionOut,
    ChatIn,
    CompletionIn,
    CompletionOut,
    EmbeddingIn,
    EmbeddingsOut,
    OpenAIErrorOut,
    OpenAIModelOut,
    OpenAIModelsOut,
)
from agent.inference.rules import Batch, EmbedRequest
from agent.shared import web
from agent.shared.clock import Clock
from agent.shared.relaying import read_document, relayed
from hub.access import caller, member
from hub.ai.direct import Direct

EVENTS = "text/event-stream; charset=utf-8"


def routes(direct: Direct, clock: Clock) -> Blueprint:
    bp = Blueprint("openai", __name__, url_prefix="/v1")

    @bp.post("/chat/completions")
    @member("ai")
    @document_request(ChatIn)
    @web.gives(ChatCompletionOut)
    @web.gives_media(200, "text/event-stream")
    @web.fails_with(OpenAIErrorOut)
    async def chat_completions() -> Response:
        """Answer a chat, as OpenAI does."""
        asked = web.read(ChatIn, await read_document())
        batches = direct.answer(caller(), chat_wanted(asked))
        head = answers.Head(f"chatcmpl-{g.request_id}", int(clock().timestamp()), asked.model)
        if asked.stream:
            return await streamed(batches, head, wants_usage=asked.wants_usage)
        said = await collected(batches)
        whole = answers.whole_chat(head, said, wants_logprobs=bool(asked.logprobs))
        return web.json(whole)

    @bp.post("/completions")
    @member("ai")
    @document_request(CompletionIn)
    @web.gives(CompletionOut)
    @web.gives_media(200, "text/event-stream")
    @web.fails_with(OpenAIErrorOut)
    async def completions() -> Response:
        """Go on with a text, as OpenAI did."""
        asked = web.read(CompletionIn, await read_document())
        if asked.suffix:
            raise unsupported("suffix", "Nothing is filled in between texts here.")
        batches = direct.answer(caller(), completion_wanted(asked))
        made = int(clock().timestamp())
        head = answers.Head(f"cmpl-{g.request_id}", made, asked.model, is_chat=False)
        if asked.stream:
            return await streamed(batches, head, wants_usage=asked.wants_usage)
        said = await collected(batches)
        whole = answers.whole_text(head, said, wants_logprobs=asked.logprobs is not None)
        return web.json(whole)

    @bp.post("/embeddings")
    @member("ai")
    @document_request(EmbeddingIn)
    @web.gives(EmbeddingsOut)
    @web.fails_with(OpenAIErrorOut)
    async def embeddings() -> Response:
        """Turn texts into vectors, as OpenAI does."""
        asked = web.read(EmbeddingIn, await read_document())
        texts = tuple(texts_of(asked.input, "input"))
        request = EmbedRequest(asked.model, texts, dimensions=asked.dimensions)
        found = await direct.embed(caller(), request)
        as_base64 = asked.encoding_format == "base64"
        return web.json(answers.embeddings_json(found, asked.model, as_base64=as_base64))

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
