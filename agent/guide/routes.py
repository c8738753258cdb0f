"""The print guide over HTTP."""

from typing import Annotated

from pydantic import Field
from pydantic.json_schema import SkipJsonSchema
from quart import Blueprint, Response

from agent.guide.rules import Passage
from agent.guide.service import Guide
from agent.shared.web import In, Out, asks, gives, json, left_out, needs


class GuideQuery(In):
    q: Annotated[str, Field(max_length=4000, description="A question or words to look for.")] = ""
    limit: Annotated[int, Field(ge=1, le=50, description="How many entries a search gives.")] = 5


class GuideItem(Out):
    title: str
    ref: str
    topic: str
    tags: list[str]
    text: str | SkipJsonSchema[None] = left_out()
    score: float | SkipJsonSchema[None] = left_out()


class GuidePage(Out):
    items: list[GuideItem]
    next_cursor: str | None


class EntryOut(Out):
    title: str
    ref: str
    topic: str
    text: str
    tags: list[str]
    keys: list[str]
    see: list[str]


def routes(guide: Guide) -> Blueprint:
    bp = Blueprint("guide", __name__, url_prefix="/api/v1/guide")

    @bp.get("")
    @needs("chat")
    @asks(GuideQuery)
    @gives(GuidePage)
    async def look(query: GuideQuery) -> Response:
        """What fits `q`, best first; without `q` every entry, by topic and title."""
        wanted = query.q.strip()
        if wanted:
            items = [_found(passage) for passage in guide.search(wanted, limit=query.limit)]
        else:
            items = [
                {"title": e.title, "ref": e.ref, "topic": e.topic, "tags": e.tags}
                for e in guide.entries
            ]
        return json({"items": items, "next_cursor": None})

    @bp.get("/<path:ref>")
    @needs("chat")
    @gives(EntryOut)
    async def one(ref: str) -> Response:
        """A whole entry as Markdown, such as `guide/stringing`."""
        entry = guide.entry(ref)
        return json(
            {
                "title": entry.title,
                "ref": entry.ref,
                "topic": entry.topic,
                "text": entry.text,
                "tags": entry.tags,
                "keys": entry.keys,
                "see": entry.see,
            }
        )

    return bp


def _found(passage: Passage) -> dict[str, object]:
    return {
        "title": passage.title,
        "ref": passage.ref,
        "topic": passage.topic,
        "tags": passage.tags,
        "text": passage.text,
        "score": round(passage.score, 3),
    }
