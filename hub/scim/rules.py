"""Changes of SCIM resources (RFC 7644, 3.5.2), as Okta and others send them, and what a resource
says of a person or a group."""

import re
from collections.abc import Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass

from hub.scim.filters import BadFilter, Compare, Filter, attribute, fits, parse

USER = "urn:ietf:params:scim:schemas:core:2.0:User"
GROUP = "urn:ietf:params:scim:schemas:core:2.0:Group"
# As they are written; what is not here is not kept, and no reason to refuse the rest.
KNOWN = {
    name.lower(): name
    for name in ("userName", "displayName", "externalId", "name", "emails", "active", "members")
}
PARTS = {name.lower(): name for name in ("givenName", "familyName", "formatted", "value", "type")}
PARTS |= {name: name for name in ("primary", "display")}
LISTS = frozenset({"emails", "members"})
FIXED = frozenset({"id", "meta", "groups", "schemas"})
PATH = re.compile(r"(?P<name>[^\[\].]+)(?:\[(?P<filter>.*)\])?(?:\.(?P<part>[^\[\].]+))?", re.S)
MOST_OPERATIONS, MOST_MEMBERS, LONGEST = 1000, 20_000, 200
MAIL = re.compile(r"[^@\s]+@[^@\s]+")
Resource = dict[str, object]


class BadResource(Exception):
    """`kind` is the scimType of RFC 7644, 3.12; the text a sentence."""

    def __init__(self, kind: str, text: str) -> None:
        super().__init__(text)
        self.kind = kind


@dataclass(frozen=True, slots=True)
class PersonSaid:
    """What a provider says of somebody. `is_active` is None where it says nothing of that."""

    user_name: str
    display_name: str
    given_name: str
    family_name: str
    email: str | None
    external_id: str | None
    is_active: bool | None


@dataclass(frozen=True, slots=True)
class GroupSaid:
    """`members` are ids of accounts, None where nothing is said of them."""

    name: str
    external_id: str | None
    members: frozenset[str] | None


# --- what it says -------------------------------------------------------------------------------


def person(resource: Mapping[str, object]) -> PersonSaid:
    """Raises BadResource."""
    said = _known(resource)
    user_name = _text(said, "userName")
    if not user_name:
        raise BadResource("invalidValue", "userName is missing.")
    name = _known(said["name"], PARTS) if isinstance(said.get("name"), Mapping) else {}
    given, family = _text(name, "givenName"), _text(name, "familyName")
    shown = _text(said, "displayName") or _text(name, "formatted") or f"{given} {family}".strip()
    return PersonSaid(
        user_name,
        (shown or user_name)[:LONGEST],
        given,
        family,
        _email(said.get("emails")),
        _text(said, "externalId") or None,
        None if said.get("active") is None else _truth(said["active"]),
    )


def group(resource: Mapping[str, object]) -> GroupSaid:
    """Raises BadResource."""
    said = _known(resource)
    name = _text(said, "displayName")
    if not name:
        raise BadResource("invalidValue", "displayName is missing.")
    members = said.get("members")
    ids = None if members is None else frozenset(_ids(members))
    return GroupSaid(name, _text(said, "externalId") or None, ids)


def _known(resource: object, names: Mapping[str, str] = KNOWN) -> Resource:
    """By the names as they are written here: SCIM does not tell A from a."""
    if not isinstance(resource, Mapping):
        raise BadResource("invalidSyntax", "An object is wanted.")
    return {names[key.lower()]: value for key, value in resource.items() if key.lower() in names}


def _text(said: Mapping[str, object], name: str) -> str:
    value = said.get(name)
    if value is None:
        return ""
    if not isinstance(value, str) or len(value) > LONGEST or "\0" in value:
        raise BadResource("invalidValue", f"{name} is text of at most {LONGEST} characters.")
    return value.strip()


def _truth(value: object) -> bool:
    """Okta and others send "False", too."""
    if isinstance(value, bool):
        return value
    if isinstance(value, str) and value.lower() in ("true", "false"):
        return value.lower() == "true"
    raise BadResource("invalidValue", "active is true or false.")


def _email(said: object) -> str | None:
    if said is None:
        return None
    emails = [_known(one, PARTS) for one in said] if isinstance(said, list) else []
    first = sorted(emails, key=lambda one: str(one.get("primary")).lower() != "true")
    address = _text(first[0], "value") if first else ""
    if address and not MAIL.fullmatch(address):
        raise BadResource("invalidValue", "emails has an address that is none.")
    return address or None


def _ids(said: object) -> list[str]:
    if not isinstance(said, list) or len(said) > MOST_MEMBERS:
        raise BadResource("invalidValue", f"members is a list of at most {MOST_MEMBERS}.")
    ids = [_known(one, PARTS).get("value") for one in said]
    found = [one for one in ids if isinstance(one, str) and 0 < len(one) <= LONGEST]
    if len(found) < len(ids) or any("\0" in one for one in found):
        raise BadResource("invalidValue", "Each of members has a value, which is an id.")
    return found


# --- how it changes -----------------------------------------------------------------------------


def patched(resource: Mapping[str, object], asked: Mapping[str, object]) -> Resource:
    """The resource after all operations of a PATCH. Raises BadResource."""
    lower = {str(key).lower(): value for key, value in asked.items()}
    operations = lower.get("operations")
    if not isinstance(operations, list) or not 0 < len(operations) <= MOST_OPERATIONS:
        raise BadResource("invalidSyntax", f"Operations is a list of 1 to {MOST_OPERATIONS}.")
    changed = deepcopy(dict(resource))
    for operation in operations:
        if not isinstance(operation, Mapping):
            raise BadResource("invalidSyntax", "Each of Operations is an object.")
        _operate(changed, {str(key).lower(): value for key, value in operation.items()})
    return changed


def _operate(resource: Resource, operation: Mapping[str, object]) -> None:
    verb, path = str(operation.get("op", "")).lower(), operation.get("path")
    if verb not in ("add", "replace", "remove"):
        raise BadResource("invalidSyntax", "op is add, replace or remove.")
    if path:
        if not isinstance(path, str):
            raise BadResource("invalidPath", "path is text.")
        _at_path(resource, verb, path, operation.get("value"), is_named=True)
        return
    value = operation.get("value")
    if verb == "remove":
        raise BadResource("noTarget", "remove needs a path.")
    if not isinstance(value, Mapping):
        raise BadResource("invalidValue", "Without a path, value is an object.")
    for name, inner in value.items():
        _at_path(resource, verb, str(name), inner, is_named=False)


def _at_path(resource: Resource, verb: str, path: str, value: object, *, is_named: bool) -> None:
    found = PATH.fullmatch(_without_schema(path))
    if found is None:
        raise BadResource("invalidPath", "That path cannot be read.")
    name = found["name"].strip().lower()
    if name in FIXED:
        if is_named:
            raise BadResource("mutability", f"{found['name']} cannot be changed.")
        return
    if name not in KNOWN:
        return
    known, part = KNOWN[name], found["part"] and PARTS.get(found["part"].lower())
    if found["part"] and part is None:
        return
    if known in LISTS:
        _in_list(resource, verb, known, found["filter"], part, value)
    elif part is not None:
        inner = resource.get(known)
        kept = dict(inner) if isinstance(inner, Mapping) else {}
        resource[known] = _with(kept, verb, part, value)
    elif verb == "add" and isinstance(value, Mapping):
        inner = resource.get(known)
        resource[known] = {**(inner if isinstance(inner, Mapping) else {}), **value}
    else:
        _with(resource, verb, known, value)


def _without_schema(path: str) -> str:
    for schema in (USER, GROUP):
        if path.lower().startswith(f"{schema.lower()}:"):
            return path[len(schema) + 1 :]
    return path


def _with(target: Resource, verb: str, name: str, value: object) -> Resource:
    if verb == "remove" or value is None:
        target.pop(name, None)
    else:
        target[name] = value
    return target


def _in_list(
    resource: Resource, verb: str, name: str, text: str | None, part: str | None, value: object
) -> None:
    had = resource.get(name)
    there: list[object] = list(had) if isinstance(had, list) else []
    if text is not None:
        resource[name] = _where(there, verb, _read(text), part, value)
        return
    given = _listed(value)
    if verb == "replace":
        resource[name] = given
    elif verb == "add":
        known = {_id(one) for one in given}
        resource[name] = [one for one in there if _id(one) not in known] + given
    elif given:  # some of them, as Entra says it
        gone = {_id(one) for one in given}
        resource[name] = [one for one in there if _id(one) not in gone]
    else:
        resource[name] = []


def _where(
    there: Sequence[object], verb: str, wanted: Filter, part: str | None, value: object
) -> list[object]:
    """Changes those that fit. Where none does, one is made that would."""
    hits = [isinstance(one, Mapping) and fits(one, wanted) for one in there]
    if verb == "remove" and part is None:
        return [one for one, hit in zip(there, hits, strict=True) if not hit]
    change: dict[str, object] = {part: value} if part else {}
    if part is None and isinstance(value, Mapping):
        change = dict(value)
    if not any(hits) and verb != "remove" and isinstance(wanted, Compare):
        return [*there, {PARTS.get(wanted.path, wanted.path): wanted.value, **change}]
    if not any(hits) and verb == "replace":
        raise BadResource("noTarget", "Nothing fits the filter of the path.")
    changed: list[object] = []
    for one, hit in zip(there, hits, strict=True):
        if not hit or not isinstance(one, Mapping):
            changed.append(one)
        elif verb == "remove":
            changed.append({key: inner for key, inner in one.items() if key != part})
        else:
            changed.append({**one, **change})
    return changed


def _read(text: str) -> Filter:
    try:
        return parse(text)
    except BadFilter as err:
        raise BadResource("invalidFilter", str(err)) from None


def _listed(value: object) -> list[object]:
    if value is None:
        return []
    return list(value) if isinstance(value, list) else [value]


def _id(one: object) -> object:
    return one.get("value") if isinstance(one, Mapping) else one


def names(text: str) -> frozenset[str]:
    """A list of attributes in a query: its first names, in lower case. Raises BadResource."""
    try:
        found = [attribute(one.strip()) for one in text.split(",") if one.strip()]
    except BadFilter as err:
        raise BadResource("invalidValue", str(err)) from None
    return frozenset(one.partition(".")[0] for one in found)
