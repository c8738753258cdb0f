"""Asking a model outside of conversations. Who leaves stops the model."""

from collections.abc import Callable
from typing import Literal

from quart import Blueprint, Response, g, request

from agent.inference.asked import Asked
from agent.inference.inference import Who
from agent.inference.rules import EmbedRequest
from agent.inference.service import AnswerService, Call
from agent.inference.shapes import (
    ChatIn,
    ChatOut,
    EmbedIn,
    EmbedOut,
    GenerateIn,
    GenerateOut,
    VlmIn,
)
from agent.inference.streaming import Encoder, Events, Lines, Pipe, streamed
from agent.inference.wishes import asked_to_generate, asked_to_talk
from agent.shared.streams import begun_stream
from agent.shared.tasks import Tasks
from agent.shared.web import (
    asker,
    counted,
    ends_with_client,
    gives,
    gives_media,
    json,
    needs,
    takes,
)

BODY_BYTES = 128 * 1024 * 1024  # pictures of sixteen megabytes among them
STREAMS = ("application/x-ndjson", "text/event-stream")


def routes(answers: AnswerService, streams: Tasks) -> Blueprint:
    """`streams` owns those that are being sent."""
    bp = Blueprint("ask", __name__, url_prefix="/api/v1")

    async def told(asked: Asked, call: Call, *, streams_it: bool) -> Response:
        if not streams_it:
            return json(await answers.answer(asked, call))

        async def work(pipe: Pipe) -> None:
            answer = await answers.answer(asked, call, tell=pipe.tell, hear=pipe.hear)
            pipe.tell("done", answer)

        encoder = _encoder()
        return await begun_stream(streamed(work, encoder, streams), encoder.media)

    @bp.post("/generate")
    @needs("chat")
    @ends_with_client
    @counted
    @takes(GenerateIn, limit_bytes=BODY_BYTES)
    @gives(GenerateOut)
    @gives_media(200, *STREAMS)
    async def generate(asked: GenerateIn) -> Response:
        """Ask with a prompt, outside of any conversation."""
        call = call_for("generate")
        return await told(asked_to_generate(asked), call, streams_it=asked.stream)

    @bp.post("/chat")
    @needs("chat")
    @ends_with_client
    @counted
    @takes(ChatIn, limit_bytes=BODY_BYTES)
    @gives(ChatOut)
    @gives_media(200, *STREAMS)
    async def chat(asked: ChatIn) -> Response:
        """Ask with messages, outside of any conversation."""
        return await told(asked_to_talk(asked), call_for("chat"), streams_it=asked.stream)

    @bp.post("/vlm")
    @needs("chat")
    @ends_with_client
    @counted
    @takes(VlmIn, limit_bytes=BODY_BYTES)
    @gives(ChatOut)
    @gives_media(200, *STREAMS)
    async def vlm(asked: VlmIn) -> Response:
        """Ask about pictures, outside of any conversation."""
        return await told(asked_to_talk(asked), call_for("vlm"), streams_it=asked.stream)

    @bp.post("/embed")
    @needs("chat")
    @ends_with_client
    @counted
    @takes(EmbedIn, limit_bytes=BODY_BYTES)
    @gives(EmbedOut)
    async def embed(asked: EmbedIn) -> Response:
        """Turn texts into vectors."""
        wanted = EmbedRequest(
            asked.model,
            tuple(asked.input),
            asked.options,
            asked.dimensions,
            asked.truncate,
            asked.keep_alive,
        )
        return json(await answers.embed(wanted, call_for("embed")))

    return bp


def call_for(use: Literal["generate", "chat", "vlm", "embed"]) -> Call:
    """The request that is being answered. Raises Malformed for a bad X-Project."""
    client, project = asker()
    return Call(use, g.request_id, Who(client, project))


def _encoder() -> Encoder:
    kinds: dict[str, Callable[[], Encoder]] = {STREAMS[0]: Lines, STREAMS[1]: Events}
    return kinds[request.accept_mimetypes.best_match(list(kinds)) or STREAMS[0]]()
