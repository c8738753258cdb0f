"""What the hub's SCIM can do, as SCIM says it (RFC 7643, 5 to 7)."""

from hub.scim.rules import GROUP, USER, Resource

CORE = "urn:ietf:params:scim:schemas:core:2.0"
MOST_FOUND = 200


def configuration(base: str) -> Resource:
    return {
        "schemas": [f"{CORE}:ServiceProviderConfig"],
        "documentationUri": None,
        "patch": {"supported": True},
        "bulk": {"supported": False, "maxOperations": 0, "maxPayloadSize": 0},
        "filter": {"supported": True, "maxResults": MOST_FOUND},
        "changePassword": {"supported": False},
        "sort": {"supported": False},
        "etag": {"supported": True},
        "authenticationSchemes": [
            {
                "type": "oauthbearertoken",
                "name": "Bearer token",
                "description": "A token that an Administrator of the hub makes.",
                "primary": True,
            }
        ],
        "meta": _meta("ServiceProviderConfig", f"{base}/ServiceProviderConfig"),
    }


def kinds(base: str) -> list[Resource]:
    return [
        _kind("User", "/Users", "Somebody with an account.", USER, base),
        _kind("Group", "/Groups", "People who may do the same.", GROUP, base),
    ]


def schemas(base: str) -> list[Resource]:
    return [_schema(USER, "User", _of_user(), base), _schema(GROUP, "Group", _of_group(), base)]


def _of_user() -> list[Resource]:
    name = [_attribute(one) for one in ("givenName", "familyName", "formatted")]
    email = [_attribute("value"), _attribute("type"), _attribute("primary", kind="boolean")]
    group = [_attribute("value", mutability="readOnly")]
    return [
        _attribute("userName", is_required=True, uniqueness="server"),
        _attribute("name", kind="complex", parts=name),
        _attribute("displayName"),
        _attribute("active", kind="boolean"),
        _attribute("emails", kind="complex", is_list=True, parts=email),
        _attribute("groups", kind="complex", is_list=True, mutability="readOnly", parts=group),
    ]


def _of_group() -> list[Resource]:
    member = [_attribute("value", mutability="immutable")]
    return [
        _attribute("displayName", is_required=True, uniqueness="server"),
        _attribute("members", kind="complex", is_list=True, parts=member),
    ]


def _attribute(
    name: str,
    *,
    kind: str = "string",
    is_list: bool = False,
    is_required: bool = False,
    mutability: str = "readWrite",
    uniqueness: str = "none",
    parts: list[Resource] | None = None,
) -> Resource:
    said: Resource = {
        "name": name,
        "type": kind,
        "multiValued": is_list,
        "required": is_required,
        "caseExact": False,
        "mutability": mutability,
        "returned": "default",
        "uniqueness": uniqueness,
    }
    return {**said, "subAttributes": parts} if parts else said


def _schema(schema: str, name: str, attributes: list[Resource], base: str) -> Resource:
    return {
        "schemas": [f"{CORE}:Schema"],
        "id": schema,
        "name": name,
        "attributes": attributes,
        "meta": _meta("Schema", f"{base}/Schemas/{schema}"),
    }


def _kind(name: str, endpoint: str, text: str, schema: str, base: str) -> Resource:
    return {
        "schemas": [f"{CORE}:ResourceType"],
        "id": name,
        "name": name,
        "endpoint": endpoint,
        "description": text,
        "schema": schema,
        "meta": _meta("ResourceType", f"{base}/ResourceTypes/{name}"),
    }


def _meta(kind: str, location: str) -> Resource:
    return {"resourceType": kind, "location": location}
