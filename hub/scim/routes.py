"""SCIM 2.0 over HTTP, for an identity provider."""

from collections.abc import Mapping
from typing import Annotated

import orjson
from pydantic import Field
from quart import Blueprint, Response, request

from agent.shared.errors import Invalid, Malformed, NotFound, UnsupportedMedia
from agent.shared.problems import Told
from agent.shared.web import In, gives_media, read, read_bytes
from hub.access import provider
from hub.guard import no_content
from hub.scim import resources, schemas
from hub.scim.groups import ScimGroups
from hub.scim.rules import BadResource, Resource, names
from hub.scim.service import Asked, ScimPeople

ROOT = "/scim/v2"
MEDIA = "application/scim+json"
ERROR = "urn:ietf:params:scim:api:messages:2.0:Error"
BODY_BYTES = 8 * 1024 * 1024
# Where SCIM has another status than the rest of the hub.
STATUS = {"version-changed": 412}


class ListQuery(In):
    """What else a provider asks for is not kept here, and no reason to refuse."""

    filter: Annotated[str, Field(max_length=2000)] = ""
    start: Annotated[int, Field(alias="startIndex", le=2**31)] = 1
    count: Annotated[int, Field(le=2**31)] = 100


def routes(people: ScimPeople, groups: ScimGroups, base: str) -> Blueprint:
    bp = Blueprint("scim", __name__, url_prefix=ROOT)
    _about(bp, base)
    _people(bp, people)
    _groups(bp, groups)
    return bp


def _people(bp: Blueprint, people: ScimPeople) -> None:
    @bp.get("/Users")
    @provider
    @gives_media(200, MEDIA)
    async def list_scim_users() -> Response:
        """Everybody, or whom a filter finds."""
        return _list(await people.found(_asked()))

    @bp.post("/Users")
    @provider
    @gives_media(201, MEDIA)
    async def add_scim_user() -> Response:
        """A new account, which its owner uses by the provider."""
        return _one(await people.add(await _body()), 201)

    @bp.get("/Users/<user_id>")
    @provider
    @gives_media(200, MEDIA)
    async def show_scim_user(user_id: str) -> Response:
        """One of them."""
        return _one(await people.get(user_id))

    @bp.put("/Users/<user_id>")
    @provider
    @gives_media(200, MEDIA)
    async def replace_scim_user(user_id: str) -> Response:
        """All that is said of somebody, anew."""
        return _one(await people.replace(user_id, await _body(), _if_match()))

    @bp.patch("/Users/<user_id>")
    @provider
    @gives_media(200, MEDIA)
    async def change_scim_user(user_id: str) -> Response:
        """Some of it. With active false its owner is out at once."""
        return _one(await people.patch(user_id, await _body(), _if_match()))

    @bp.delete("/Users/<user_id>")
    @provider
    @gives_media(204)
    async def remove_scim_user(user_id: str) -> Response:
        """The account, and all that is its owner's alone."""
        await people.remove(user_id, _if_match())
        return no_content()


def _groups(bp: Blueprint, groups: ScimGroups) -> None:
    @bp.get("/Groups")
    @provider
    @gives_media(200, MEDIA)
    async def list_scim_groups() -> Response:
        """All of them, or those that a filter finds."""
        _, unwanted = _attributes()
        return _list(await groups.found(_asked(), with_members="members" not in unwanted))

    @bp.post("/Groups")
    @provider
    @gives_media(201, MEDIA)
    async def add_scim_group() -> Response:
        """One of the provider's own."""
        return _one(await groups.add(await _body()), 201)

    @bp.get("/Groups/<group_id>")
    @provider
    @gives_media(200, MEDIA)
    async def show_scim_group(group_id: str) -> Response:
        """One of them."""
        return _one(await groups.get(group_id))

    @bp.put("/Groups/<group_id>")
    @provider
    @gives_media(200, MEDIA)
    async def replace_scim_group(group_id: str) -> Response:
        """Its name and members, anew."""
        return _one(await groups.replace(group_id, await _body(), _if_match()))

    @bp.patch("/Groups/<group_id>")
    @provider
    @gives_media(200, MEDIA)
    async def change_scim_group(group_id: str) -> Response:
        """Its name, or some of its members."""
        return _one(await groups.patch(group_id, await _body(), _if_match()))

    @bp.delete("/Groups/<group_id>")
    @provider
    @gives_media(204)
    async def remove_scim_group(group_id: str) -> Response:
        """The group, and none of the people in it."""
        await groups.remove(group_id, _if_match())
        return no_content()


def _about(bp: Blueprint, base: str) -> None:
    @bp.get("/ServiceProviderConfig")
    @provider
    @gives_media(200, MEDIA)
    async def show_scim_configuration() -> Response:
        """What of SCIM the hub can do."""
        return _answer(schemas.configuration(base))

    @bp.get("/ResourceTypes")
    @provider
    @gives_media(200, MEDIA)
    async def list_scim_kinds() -> Response:
        """Users and groups."""
        return _all(schemas.kinds(base))

    @bp.get("/ResourceTypes/<name>")
    @provider
    @gives_media(200, MEDIA)
    async def show_scim_kind(name: str) -> Response:
        """One of the two."""
        return _answer(_named(schemas.kinds(base), name))

    @bp.get("/Schemas")
    @provider
    @gives_media(200, MEDIA)
    async def list_scim_schemas() -> Response:
        """Which attributes are kept."""
        return _all(schemas.schemas(base))

    @bp.get("/Schemas/<name>")
    @provider
    @gives_media(200, MEDIA)
    async def show_scim_schema(name: str) -> Response:
        """Of users, or of groups."""
        return _answer(_named(schemas.schemas(base), name))


def spoken(problem: Mapping[str, object]) -> Told:
    """A problem as SCIM tells it (RFC 7644, 3.12)."""
    code = str(problem["type"]).rpartition(":")[2]
    status = STATUS.get(code, int(str(problem["status"])))
    status = 400 if status == 422 else status
    kind = problem.get("scim_type") or ("invalidSyntax" if code == "bad-json" else None)
    said: Resource = {"schemas": [ERROR], "status": str(status), "detail": problem["detail"]}
    if kind:
        said["scimType"] = kind
    return Told(status, orjson.dumps(said), MEDIA)


async def _body() -> Resource:
    if request.mimetype not in (MEDIA, "application/json"):
        raise UnsupportedMedia("json-wanted", f"Send the body as {MEDIA}.")
    try:
        said = orjson.loads(await read_bytes(limit_bytes=BODY_BYTES))
    except orjson.JSONDecodeError:
        raise Malformed("bad-json", "The body is not valid JSON.") from None
    if not isinstance(said, dict):
        raise Malformed("bad-json", "The body is no JSON object.")
    return said


def _asked() -> Asked:
    known = {name: request.args[name] for name in ("filter", "startIndex", "count")
             if name in request.args}  # fmt: skip
    query = read(ListQuery, known)
    return Asked(query.filter, query.start, query.count)


def _attributes() -> tuple[frozenset[str], frozenset[str]]:
    try:
        wanted = names(request.args.get("attributes", ""))
        return wanted, names(request.args.get("excludedAttributes", ""))
    except BadResource as err:
        raise Invalid("bad-attributes", str(err), scim_type=err.kind) from None


def _if_match() -> str | None:
    return request.headers.get("If-Match")


def _one(resource: Resource, status: int = 200) -> Response:
    meta = resource["meta"]
    tag = str(meta["version"]) if isinstance(meta, dict) else ""
    location = str(meta["location"]) if isinstance(meta, dict) else ""
    if request.method == "GET" and tag in request.headers.get("If-None-Match", "").split(", "):
        response = Response(status=304)
    else:
        response = _answer(resources.parts(resource, *_attributes()), status)
        response.headers["Location"] = location
    response.headers["ETag"] = tag
    return response


def _list(page: Resource) -> Response:
    wanted, unwanted = _attributes()
    found = page["Resources"]
    inner = found if isinstance(found, list) else []
    return _answer({**page, "Resources": [resources.parts(one, wanted, unwanted) for one in inner]})


def _all(found: list[Resource]) -> Response:
    return _answer(resources.listed(found, len(found), 1))


def _named(found: list[Resource], name: str) -> Resource:
    for one in found:
        if one["id"] == name:
            return one
    raise NotFound("no-such-schema", "There is nothing of this name.")


def _answer(body: Resource, status: int = 200) -> Response:
    return Response(orjson.dumps(body), status, content_type=MEDIA)
