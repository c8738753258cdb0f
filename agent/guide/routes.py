"""The print guide over HTTP."""

from pydantic import Field
from quart import Blueprint, Response

from agent.guide.service import Guide
from agent.shared.web import In, Out, asks, gives, json, needs


class GuideQuery(In):
    q: str | None = Field(default=None, max_length=500)
    limit: int = Field(default=5, ge=1, le=50)


class GuideItem(Out):
    title: str
    ref: str
    topic: str
    tags: list[str]
    text: str | None = Field(default=None, description="The passage; only with q.")
    score: float | None = Field(default=None, description="Higher is better; only with q.")


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
    async def search(query: GuideQuery) -> Response:
        """The passages that fit `q` best; without it every entry, without its text."""
        if query.q and query.q.strip():
            items: list[dict[str, object]] = [
                {
                    "title": passage.title,
                    "ref": passage.ref,
                    "topic": passage.topic,
                    "tags": list(passage.tags),
                    "text": passage.text,
                    "score": passage.score,
                }
                for passage in guide.search(query.q, limit=query.limit)
            ]
        else:
            items = [
                {"title": e.title, "ref": e.ref, "topic": e.topic, "tags": list(e.tags)}
                for e in guide.entries
            ]
        return json({"items": items, "next_cursor": None})

    @bp.get("/<path:ref>")
    @needs("chat")
    @gives(EntryOut)
    async def entry(ref: str) -> Response:
        """One entry as Markdown."""
        found = guide.entry(ref)
        return json(
            {
                "title": found.title,
                "ref": found.ref,
                "topic": found.topic,
                "text": found.text,
                "tags": list(found.tags),
                "keys": list(found.keys),
                "see": list(found.see),
            }
        )

    return bp
