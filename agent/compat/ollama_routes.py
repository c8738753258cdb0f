"""The routes that Ollama's clients know, below /ollama. What would change models is not here."""

from collections.abc import Mapping
from dataclasses import replace
from typing import TypeVar

from pydantic import BaseModel
from quart import Blueprint, Response, g
from quart_schema import document_request

from agent.compat import ollama_answers as answers
from agent.compat import ollama_requests as requests
from agent.compat.ollama_shapes import (
    AnswerOut,
    ChatIn,
    EmbeddingsIn,
    EmbeddingsOut,
    EmbedIn,
    EmbedOut,
    GenerateIn,
    OllamaErrorOut,
    ShowIn,
    ShowOut,
    TagsOut,
    VersionOut,
)
from agent.compat.service import Caller, CompatService
from agent.inference.rules import ChatRequest, EmbedRequest, canonical_name
from agent.models.rules import Model
from agent.shared import web
from agent.shared.clock import Clock
from agent.shared.errors import Invalid, Malformed
from agent.shared.relaying import read_document, relayed

NDJSON = "application/x-ndjson"
SPOKEN_VERSION = "0.33.0"  # of the protocol, told where no Ollama is up

M = TypeVar("M", bound=BaseModel)


def routes(compat: CompatService, clock: Clock) -> Blueprint:
    bp = Blueprint("ollama", __name__, url_prefix="/ollama")

    @bp.post("/api/chat")
    @web.needs("chat")
    @web.ends_with_client
    @web.counted
    @document_request(ChatIn)
    @web.gives(AnswerOut)
    @web.gives_media(200, NDJSON)
    @web.fails_with(OllamaErrorOut)
    async def chat() -> Response:
        """Answer a chat, as Ollama does; without messages, load or unload the model."""
        asked, document = await read(ChatIn)
        request, model = await compat.prepared(requests.chat_wanted(asked))
        native = requests.native_chat(document, request)
        return await answered(
            compat,
            replace(request, native=native),
            model,
            answers.Lines(asked.model, clock, is_chat=True),
            is_whole=asked.stream is False,
            is_empty=requests.is_empty_chat(asked),
        )

    @bp.post("/api/generate")
    @web.needs("chat")
    @web.ends_with_client
    @web.counted
    @document_request(GenerateIn)
    @web.gives(AnswerOut)
    @web.gives_media(200, NDJSON)
    @web.fails_with(OllamaErrorOut)
    async def generate() -> Response:
        """Go on with a prompt, as Ollama does; without one, load or unload the model."""
        asked, document = await read(GenerateIn)
        request, model = await compat.prepared(requests.generate_wanted(asked))
        if (own := requests.needs_ollama(asked)) and not compat.speaks_ollama(model):
            raise Invalid(
                "not-supported-here",
                f"The server of {model.name} has no words for {', '.join(own)}.",
            )
        native = requests.native_generate(document, request)
        return await answered(
            compat,
            replace(request, native=native),
            model,
            answers.Lines(asked.model, clock, is_chat=False),
            is_whole=asked.stream is False,
            is_empty=requests.is_empty_generate(asked),
        )

    @bp.post("/api/embed")
    @web.needs("chat")
    @web.ends_with_client
    @web.counted
    @document_request(EmbedIn)
    @web.gives(EmbedOut)
    @web.fails_with(OllamaErrorOut)
    async def embed() -> Response:
        """Turn texts into vectors, as Ollama does."""
        asked, _ = await read(EmbedIn)
        texts = [asked.input] if isinstance(asked.input, str) else asked.input or []
        request = EmbedRequest(
            asked.model,
            tuple(texts),
            asked.options or {},
            asked.dimensions,
            truncate=asked.truncate is not False,
            keep_alive=requests.whole_seconds(asked.keep_alive),
        )
        return web.json(answers.embed_json(await compat.embed(caller(), request), asked.model))

    @bp.post("/api/embeddings")
    @web.needs("chat")
    @web.ends_with_client
    @web.counted
    @document_request(EmbeddingsIn)
    @web.gives(EmbeddingsOut)
    @web.fails_with(OllamaErrorOut)
    async def embeddings() -> Response:
        """Turn one text into a vector, as Ollama did before /api/embed."""
        asked, _ = await read(EmbeddingsIn)
        request = EmbedRequest(
            asked.model,
            (asked.prompt,) if asked.prompt else (),
            asked.options or {},
            truncate=True,
            keep_alive=requests.whole_seconds(asked.keep_alive),
        )
        found = await compat.embed(caller(), request)
        return web.json({"embedding": found.vectors[0] if found.vectors else []})

    bp.register_blueprint(_about_models(compat))
    return bp


def _about_models(compat: CompatService) -> Blueprint:
    bp = Blueprint("models", __name__)

    @bp.get("")
    @web.needs("chat")
    @web.gives_media(200, "text/plain")
    @web.fails_with(OllamaErrorOut)
    async def is_there() -> Response:
        """Say that somebody answers, as Ollama does."""
        return Response(b"Ollama is running", content_type="text/plain; charset=utf-8")

    @bp.get("/api/tags")
    @web.needs("chat")
    @web.gives(TagsOut)
    @web.fails_with(OllamaErrorOut)
    async def tags() -> Response:
        """The models, as Ollama lists them."""
        return web.json({"models": [answers.tag_json(model) for model in compat.models()]})

    @bp.post("/api/show")
    @web.needs("chat")
    @document_request(ShowIn)
    @web.gives(ShowOut)
    @web.fails_with(OllamaErrorOut)
    async def show() -> Response:
        """One model, as Ollama tells of it."""
        asked, _ = await read(ShowIn)
        name = asked.model or asked.name
        if not name:
            raise Invalid("model-missing", "model is required")
        model, whole = await compat.model_in_ollamas_words(name, verbose=bool(asked.verbose))
        return web.json(whole or answers.show_json(model))

    @bp.get("/api/ps")
    @web.needs("chat")
    @web.gives(TagsOut)
    @web.fails_with(OllamaErrorOut)
    async def in_memory() -> Response:
        """The models in memory, as Ollama lists them."""
        known = {canonical_name(model.name): model for model in compat.models()}
        loaded = await compat.in_memory()
        return web.json(
            {
                "models": [
                    answers.loaded_json(one, known.get(canonical_name(one.name))) for one in loaded
                ]
            }
        )

    @bp.get("/api/version")
    @web.needs("chat")
    @web.gives(VersionOut)
    @web.fails_with(OllamaErrorOut)
    async def version() -> Response:
        """The version of the Ollama behind this."""
        return web.json({"version": compat.version() or SPOKEN_VERSION})

    return bp


async def read(model: type[M]) -> tuple[M, Mapping[str, object]]:
    """The JSON body, checked and as it is. Raises Malformed, Invalid or TooLarge."""
    document = await read_document()
    if not isinstance(document, dict):
        raise Malformed("bad-json", "The body is a JSON object.")
    return web.read(model, document), document


def caller() -> Caller:
    """Who sends this request. Raises Malformed for a bad project."""
    client, project = web.asker()
    return Caller("compat-ollama", g.request_id, client, project)


async def answered(
    compat: CompatService,
    request: ChatRequest,
    model: Model,
    lines: answers.Lines,
    *,
    is_whole: bool,
    is_empty: bool,
) -> Response:
    """The answer as it comes, or whole. What fails before its beginning is an error with its
    status."""
    if is_empty and not compat.speaks_ollama(model):
        return web.json(lines.whole(answers.loaded_elsewhere(unload=request.keep_alive == 0)))
    if is_whole or is_empty:
        said = await answers.collected(compat.answer(caller(), request))
        return web.json(lines.whole(said))
    batches = compat.answer(caller(), replace(request, is_relayed=True))
    first = await anext(batches)
    return relayed(answers.stream(lines, first, batches), NDJSON)
