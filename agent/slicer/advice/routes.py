"""Advice, evidence and diagnosis over HTTP."""

from quart import Blueprint, Response, g

from agent.inference.inference import Who
from agent.inference.service import Call
from agent.shared.cursors import cursor_of, last_of
from agent.shared.web import (
    asker,
    asks,
    counted,
    ends_with_client,
    gives,
    gives_media,
    json,
    needs,
    takes,
)
from agent.slicer.advice.desk import Desk
from agent.slicer.advice.diagnosis import Diagnosis, Photo
from agent.slicer.advice.rules import Proposed, Wanted
from agent.slicer.advice.service import AdviceService, Asked
from agent.slicer.advice.shapes import (
    AdviceIn,
    AdviceOut,
    AdvicePage,
    AdviceQuery,
    DiagnosisIn,
    DiagnosisOut,
    EvidenceOut,
    EvidenceQuery,
    OutcomeIn,
    PickIn,
    PresetQuery,
    SentOut,
)

PHOTO_BYTES = 32 * 1024 * 1024


def routes(advice: AdviceService, desk: Desk, diagnosis: Diagnosis) -> Blueprint:
    bp = Blueprint("advice", __name__, url_prefix="/api/v1/slicer")
    _evidence_routes(bp, desk)
    _advice_routes(bp, advice)

    @bp.post("/diagnosis")
    @needs("slicer")
    @ends_with_client
    @counted
    @takes(DiagnosisIn, limit_bytes=PHOTO_BYTES)
    @gives(DiagnosisOut)
    async def diagnose(asked: DiagnosisIn) -> Response:
        """What a photo of a print shows, of the guide's defects; else where to ask on."""
        wanted = Wanted(asked.file_id, asked.preset, tuple(asked.without))
        photo = Photo(asked.image, asked.description, wanted, asked.model)
        return json(await diagnosis.diagnose(photo, _call("vlm")))

    return bp


def _evidence_routes(bp: Blueprint, desk: Desk) -> None:
    @bp.get("/evidence")
    @needs("slicer")
    @asks(EvidenceQuery)
    @gives(EvidenceOut)
    async def evidence(query: EvidenceQuery) -> Response:
        """What a question could be sent with. Each piece can be switched off by its id or kind."""
        wanted = Wanted(query.file_id, query.preset)
        items = await desk.pieces(wanted, query.q)
        total = sum(one.tokens for one in items)
        return json({"items": [one.to_json() for one in items], "tokens": total})

    @bp.get("/evidence/<message_id>")
    @needs("slicer")
    @gives(SentOut)
    async def sent(message_id: str) -> Response:
        """What an answer in a conversation was made of: evidence, and the tools that were used."""
        return json(await desk.sent(message_id))


def _advice_routes(bp: Blueprint, advice: AdviceService) -> None:
    @bp.post("/advice")
    @needs("slicer")
    @ends_with_client
    @counted
    @takes(AdviceIn)
    @gives(AdviceOut, 201)
    async def give(asked: AdviceIn) -> Response:
        """Check changes that are given, ask a model for some, or take those of the checks."""
        told = await advice.give(_asked(asked), _call("chat"))
        response = json(told, 201)
        response.headers["Location"] = f"/api/v1/slicer/advice/{told['id']}"
        return response

    @bp.get("/advice")
    @needs("slicer")
    @asks(AdviceQuery)
    @gives(AdvicePage)
    async def latest(query: AdviceQuery) -> Response:
        """Advice that was given, newest first."""
        items = await advice.page(query.file_id, last_of(query.cursor), query.limit)
        cursor = cursor_of(items[-1]["id"]) if len(items) == query.limit else None
        return json({"items": items, "next_cursor": cursor})

    @bp.get("/advice/<advice_id>")
    @needs("slicer")
    @gives(AdviceOut)
    async def one(advice_id: str) -> Response:
        """One piece of advice, with the prints before and after it."""
        return json(await advice.get(advice_id))

    @bp.patch("/advice/<advice_id>")
    @needs("slicer")
    @takes(PickIn)
    @gives(AdviceOut)
    async def pick(advice_id: str, asked: PickIn) -> Response:
        """Choose the lines that become presets."""
        return json(await advice.pick(advice_id, asked.picked))

    @bp.delete("/advice/<advice_id>")
    @needs("slicer")
    @gives_media(204)
    async def forget(advice_id: str) -> Response:
        """Forget it. Presets that were saved from it stay."""
        await advice.delete(advice_id)
        return Response(status=204)

    @bp.get("/advice/<advice_id>/preset.json")
    @needs("slicer")
    @asks(PresetQuery)
    @gives_media(200, "application/json")
    async def preset(advice_id: str, query: PresetQuery) -> Response:
        """A preset of the picked lines, as OrcaSlicer imports it."""
        return _download(*await advice.preset(advice_id, query.type), "application/json")

    @bp.get("/advice/<advice_id>/bundle.zip")
    @needs("slicer")
    @gives_media(200, "application/zip")
    async def bundle(advice_id: str) -> Response:
        """Every preset of the picked lines in one zip, as OrcaSlicer imports it."""
        return _download(*await advice.bundle(advice_id), "application/zip")

    @bp.post("/advice/<advice_id>/outcome")
    @needs("slicer")
    @takes(OutcomeIn)
    @gives(AdviceOut)
    async def outcome(advice_id: str, asked: OutcomeIn) -> Response:
        """Say whether it helped."""
        return json(await advice.note_outcome(advice_id, asked.result, asked.note, asked.file_id))


def _asked(asked: AdviceIn) -> Asked:
    changes = tuple(
        Proposed(one.key, one.new, one.preset_type, None, one.reason) for one in asked.changes
    )
    wanted = Wanted(asked.file_id, asked.preset, tuple(asked.without))
    return Asked(wanted, asked.question, changes, asked.model, asked.filament)


def _call(use: str) -> Call:
    client, project = asker()
    return Call("vlm" if use == "vlm" else "chat", g.request_id, Who(client, project))


def _download(name: str, data: bytes, media: str) -> Response:
    response = Response(data, content_type=media)
    response.headers.set("Content-Disposition", "attachment", filename=name)
    return response
