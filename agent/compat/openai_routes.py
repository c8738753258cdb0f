"""The routes that OpenAI's clients know, below /v1."""

from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import replace

from quart import Blueprint, Response, g
from quart_schema import document_request

from agent.compat.service import Caller, CompatService
from agent.inference.openai_api import answers
from agent.inference.openai_api.requests import chat_wanted, completion_wanted, prompt_of, texts_of
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
from agent.inference.rules import Batch, ChatRequest, EmbedRequest
from agent.models.rules import Model
from agent.shared import web
from agent.shared.clock import Clock
from agent.shared.relaying import read_document, relayed

EVENTS = "text/event-stream; charset=utf-8"


def routes(compat: CompatService, clock: Clock) -> Blueprint:
    bp = Blueprint("openai", __name__, url_prefix="/v1")

    @bp.post("/chat/completions")
    @web.needs("chat")
    @web.ends_with_client
    @web.counted
    @document_request(ChatIn)
    @web.gives(ChatCompletionOut)
    @web.gives_media(200, "text/event-stream")
    @web.fails_with(OpenAIErrorOut)
    async def chat_completions() -> Response:
        """Answer a chat, as OpenAI does."""
        asked = web.read(ChatIn, await read_document())
        request, _ = await compat.prepared(chat_wanted(asked))
        head = answers.Head(f"chatcmpl-{g.request_id}", int(clock().timestamp()), asked.model)
        if asked.stream:
            return await streamed(compat, request, head, wants_usage=asked.wants_usage)
        said = await collected(compat.answer(caller(), request))
        whole = answers.whole_chat(head, said, wants_logprobs=bool(asked.logprobs))
        return web.json(whole)

    @bp.post("/completions")
    @web.needs("chat")
    @web.ends_with_client
    @web.counted
    @document_request(CompletionIn)
    @web.gives(CompletionOut)
    @web.gives_media(200, "text/event-stream")
    @web.fails_with(OpenAIErrorOut)
    async def completions() -> Response:
        """Go on with a text, or fill in between two, as OpenAI did."""
        asked = web.read(CompletionIn, await read_document())
        request, model = await compat.prepared(completion_wanted(asked))
        if asked.suffix:
            request = compat.filling_in(request, model, prompt_of(asked), asked.suffix)
        head = answers.Head(
            f"cmpl-{g.request_id}", int(clock().timestamp()), asked.model, is_chat=False
        )
        if asked.stream:
            return await streamed(compat, request, head, wants_usage=asked.wants_usage)
        said = await collected(compat.answer(caller(), request))
        whole = answers.whole_text(head, said, wants_logprobs=asked.logprobs is not None)
        return web.json(whole)

    @bp.post("/embeddings")
    @web.needs("chat")
    @web.ends_with_client
    @web.counted
    @document_request(EmbeddingIn)
    @web.gives(EmbeddingsOut)
    @web.fails_with(OpenAIErrorOut)
    async def embeddings() -> Response:
        """Turn texts into vectors, as OpenAI does."""
        asked = web.read(EmbeddingIn, await read_document())
        texts = tuple(texts_of(asked.input, "input"))
        request = EmbedRequest(asked.model, texts, dimensions=asked.dimensions)
        found = await compat.embed(caller(), request)
        as_base64 = asked.encoding_format == "base64"
        return web.json(answers.embeddings_json(found, asked.model, as_base64=as_base64))

    @bp.get("/models")
    @web.needs("chat")
    @web.gives(OpenAIModelsOut)
    @web.fails_with(OpenAIErrorOut)
    async def models() -> Response:
        """The models, as OpenAI lists them."""
        return web.json({"object": "list", "data": [_model(one) for one in compat.models()]})

    @bp.get("/models/<path:name>")
    @web.needs("chat")
    @web.gives(OpenAIModelOut)
    @web.fails_with(OpenAIErrorOut)
    async def model(name: str) -> Response:
        """One model, as OpenAI tells of it."""
        return web.json({**_model(await compat.model(name)), "id": name})

    return bp


def caller() -> Caller:
    """Who sends this request. Raises Malformed for a bad project."""
    client, project = web.asker()
    return Caller("compat-openai", g.request_id, client, project)


async def collected(batches: AsyncGenerator[Batch, None]) -> answers.Said:
    """The whole answer; the model stops if the client leaves before that."""
    said = answers.Said()
    async with aclosing(batches):
        async for batch in batches:
            said.take(batch)
    return said


async def streamed(
    compat: CompatService, request: ChatRequest, head: answers.Head, *, wants_usage: bool
) -> Response:
    """The answer as it comes; what fails before its beginning is an error with its status."""
    batches = compat.answer(caller(), replace(request, is_relayed=not request.logprobs))
    first = await anext(batches)
    frames = answers.Frames(head, wants_usage=wants_usage)
    return relayed(answers.stream(frames, first, batches), EVENTS)


def _model(model: Model) -> dict[str, object]:
    made = model.modified_at
    return {
        "id": model.name,
        "object": "model",
        "created": int(made.timestamp()) if made else 0,
        "owned_by": "library",
    }
