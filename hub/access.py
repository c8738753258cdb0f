"""Who may call a route, said on the route itself; a test walks all of them."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, TypeVar

from quart import g

from agent.shared.errors import Denied, Unauthenticated

Role = Literal["administrator", "user"]
# How somebody comes: a browser, a person's token, a person's key, a computer with an agent, or
# the identity provider that keeps people and groups up to date.
Means = Literal["session", "token", "key", "machine", "scim"]
PEOPLE: tuple[Means, ...] = ("session", "token", "key")
EVERYBODY: tuple[Means, ...] = (*PEOPLE, "machine")
RULE_ATTRIBUTE = "_hub_rule"

Handler = Callable[..., Awaitable[Any]]  # Any: whatever Quart can send
H = TypeVar("H", bound=Handler)


@dataclass(frozen=True, slots=True)
class Principal:
    """Who sends a request. `means_id` is the id of the session, key or machine. `must_change`: a
    password that somebody else chose is to be changed before anything else."""

    account_id: str
    name: str
    role: Role
    means: Means
    means_id: str
    groups: tuple[str, ...] = ()
    scopes: frozenset[str] = field(default_factory=frozenset)
    must_change: bool = False
    profile: Mapping[str, Any] = field(default_factory=dict, compare=False)  # Any: what /me shows

    @property
    def is_administrator(self) -> bool:
        return self.role == "administrator"


@dataclass(frozen=True, slots=True)
class Rule:
    """Of one route. `scope` is what a key needs; without one no key may call it.
    `is_before_change`: also for whoever has to change the password first. `is_measuring`: for
    nobody but a program with the token of the setting metrics_token."""

    role: Role | None
    means: tuple[Means, ...] = ()
    scope: str | None = None
    is_before_change: bool = False
    is_measuring: bool = False


PUBLIC, MEASURED = Rule(None), Rule(None, is_measuring=True)


def public(handler: H) -> H:
    """Anyone may call the route. The list is closed (tests/hub)."""
    setattr(handler, RULE_ATTRIBUTE, PUBLIC)
    return handler


def measuring(handler: H) -> H:
    """A program that reads numbers, with a token of its own, whichever way the address is
    written; no account comes into it."""
    setattr(handler, RULE_ATTRIBUTE, MEASURED)
    return handler


def administrator(handler: H) -> H:
    """An Administrator in a browser or with a token of a person; never a key or a machine."""
    setattr(handler, RULE_ATTRIBUTE, Rule("administrator", ("session", "token")))
    return handler


def person(handler: H) -> H:
    """Anybody who has signed in; not a key, which is for programs."""
    setattr(handler, RULE_ATTRIBUTE, Rule("user", ("session", "token")))
    return handler


def newcomer(handler: H) -> H:
    """As `person`, and for whoever has to change the password first."""
    setattr(handler, RULE_ATTRIBUTE, Rule("user", ("session", "token"), is_before_change=True))
    return handler


def member(scope: str) -> Callable[[H], H]:
    """People, their keys with this scope, and the machines on which they signed in."""

    def mark(handler: H) -> H:
        setattr(handler, RULE_ATTRIBUTE, Rule("user", EVERYBODY, scope))
        return handler

    return mark


def machine(handler: H) -> H:
    """A computer with an agent alone."""
    setattr(handler, RULE_ATTRIBUTE, Rule("user", ("machine",)))
    return handler


def provider(handler: H) -> H:
    """The identity provider, with a token of SCIM."""
    setattr(handler, RULE_ATTRIBUTE, Rule("user", ("scim",)))
    return handler


def check(rule: Rule, who: Principal) -> None:
    """Raises Denied. The rule is not public."""
    if who.means not in rule.means:
        raise Denied("not-this-way", f"A {WORDS[who.means]} may not do this. Sign in as yourself.")
    if who.means == "key" and (rule.scope is None or rule.scope not in who.scopes):
        wanted = rule.scope or "none"
        raise Denied(
            "scope-missing", f"This needs a key with the scope {wanted}.", scope=rule.scope
        )
    if rule.role == "administrator" and not who.is_administrator:
        raise Denied("administrators-only", "Only an Administrator may do this.")
    if who.must_change and not rule.is_before_change:
        raise Denied("password-change-wanted", "Choose a password of your own first.")


WORDS: dict[Means, str] = {
    "session": "session",
    "token": "token",
    "key": "key",
    "machine": "machine",
    "scim": "token of SCIM",
}


def caller() -> Principal:
    """Who sends this request. Raises Unauthenticated on a public route without anybody."""
    who: Principal | None = g.get("principal")
    if who is None:
        raise Unauthenticated("unauthenticated", "Sign in first.")
    return who
