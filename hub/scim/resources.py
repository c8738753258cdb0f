"""People and groups as SCIM shows them."""

import hashlib
from collections.abc import Iterable, Sequence

from hub.scim.rules import GROUP, USER, Resource
from hub.scim.store import Row

LIST = "urn:ietf:params:scim:api:messages:2.0:ListResponse"
ALWAYS = frozenset({"schemas", "id"})


def user(row: Row, groups: Iterable[Row], base: str) -> Resource:
    given, family = row["given_name"] or "", row["family_name"] or ""
    name = {"givenName": given, "familyName": family, "formatted": row["display_name"]}
    shown: Resource = {
        "schemas": [USER],
        "id": row["id"],
        "userName": row["name"],
        "displayName": row["display_name"],
        "name": name,
        "active": bool(row["is_active"]),
        "groups": [
            {"value": one["id"], "display": one["name"], "$ref": f"{base}/Groups/{one['id']}"}
            for one in groups
        ],
        "meta": _meta(row, "User", f"{base}/Users/{row['id']}"),
    }
    if row["email"]:
        shown["emails"] = [{"value": row["email"], "type": "work", "primary": True}]
    if row["external_id"]:
        shown["externalId"] = row["external_id"]
    return shown


def group(row: Row, members: Iterable[Row], base: str) -> Resource:
    shown: Resource = {
        "schemas": [GROUP],
        "id": row["id"],
        "displayName": row["name"],
        "members": [
            {
                "value": one["id"],
                "display": one["display_name"] or one["name"],
                "type": "User",
                "$ref": f"{base}/Users/{one['id']}",
            }
            for one in members
        ],
        "meta": _meta(row, "Group", f"{base}/Groups/{row['id']}"),
    }
    if row["external_id"]:
        shown["externalId"] = row["external_id"]
    return shown


def listed(found: Sequence[Resource], total: int, start: int) -> Resource:
    return {
        "schemas": [LIST],
        "totalResults": total,
        "startIndex": start,
        "itemsPerPage": len(found),
        "Resources": list(found),
    }


def version(row: Row) -> str:
    """Another one after each change that a provider can see."""
    digest = hashlib.sha256(f"{row['id']} {row['updated_at']}".encode()).hexdigest()
    return f'W/"{digest[:16]}"'


def parts(resource: Resource, wanted: frozenset[str], unwanted: frozenset[str]) -> Resource:
    """The attributes that somebody asks for."""
    return {
        name: value
        for name, value in resource.items()
        if name in ALWAYS
        or ((not wanted or name.lower() in wanted) and name.lower() not in unwanted)
    }


def _meta(row: Row, kind: str, location: str) -> Resource:
    return {
        "resourceType": kind,
        "created": row["created_at"],
        "lastModified": row["updated_at"],
        "location": location,
        "version": version(row),
    }
