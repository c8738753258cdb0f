"""Which model of which provider answers: names and patterns, routes and policy, as plain values."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Literal

from agent.inference.rules import canonical_name

By = Literal["order", "cost", "speed", "place"]
ANY = "*"
CODE_WORDS = ("coder", "code", "devstral", "starcoder")
GOOD_WORDS = ("qwen3", "qwen", "llama", "mistral", "gemma")


@dataclass(frozen=True, slots=True)
class Offer:
    """A model at a provider, as it stands now."""

    provider: str
    model: str
    is_cloud: bool
    context_length: int | None = None
    capabilities: tuple[str, ...] = ()
    is_loaded: bool = False
    in_flight: int = 0
    priority: int = 100
    is_remote: bool = False  # an Ollama only passes it on
    is_up: bool = True  # else it is one that was there before its server fell silent
    is_there: bool = True  # else nothing but a route says that there is such a one

    @property
    def leaves(self) -> bool:
        """Whether what is asked of it leaves for a cloud."""
        return self.is_cloud or self.is_remote

    @property
    def talks(self) -> bool:
        return not self.capabilities or "completion" in self.capabilities


@dataclass(frozen=True, slots=True)
class Candidate:
    """What a route names: `*` for any provider, or for the model as it was asked for."""

    provider: str
    model: str


@dataclass(frozen=True, slots=True)
class Route:
    """Names that match `pattern` are answered by the candidates, in the order that `by` says."""

    id: str
    pattern: str
    candidates: tuple[Candidate, ...]
    by: By = "order"


@dataclass(frozen=True, slots=True)
class Rule:
    """What a group, or everybody, may use. Patterns; without `cloud` no text leaves."""

    subject_kind: Literal["everybody", "group"]
    subject: str
    models: tuple[str, ...] = (ANY,)
    providers: tuple[str, ...] = (ANY,)
    cloud: bool = True

    def allows(self, offer: Offer, asked: str) -> bool:
        """`asked` is the name of the route by which it was asked for."""
        if offer.leaves and not self.cloud:
            return False
        names = (offer.model, asked) if asked else (offer.model,)
        return any(means(one, name) for one in self.models for name in names) and (
            offer.provider == ANY
            or any(fnmatchcase(offer.provider.lower(), one.lower()) for one in self.providers)
        )


@dataclass(frozen=True, slots=True)
class Speed:
    """As measured here lately."""

    tokens_per_second: float = 0.0
    first_token_ms: float = 0.0


Price = Callable[[str, str], int | None]  # of a million tokens of a model at a provider
NO_PRICE = 1 << 60
EVERYTHING = Rule("everybody", "")


def means(pattern: str, name: str) -> bool:
    """A pattern without a tag means every tag of a name."""
    pattern, known = pattern.strip().lower(), canonical_name(name)
    if fnmatchcase(known, pattern) or fnmatchcase(name.strip().lower(), pattern):
        return True
    has_tag = ":" in pattern.rsplit("/", 1)[-1]
    return not has_tag and fnmatchcase(known.rpartition(":")[0], pattern)


def rules_for(rules: Sequence[Rule], groups: Iterable[str]) -> tuple[Rule, ...]:
    """Those of a person's groups, each of which allows what it does; without any, everybody's."""
    mine = set(groups)
    of_groups = tuple(one for one in rules if one.subject_kind == "group" and one.subject in mine)
    return (
        of_groups or tuple(one for one in rules if one.subject_kind == "everybody") or (EVERYTHING,)
    )


def allowed(rules: Iterable[Rule], offer: Offer, asked: str = "") -> bool:
    return any(rule.allows(offer, asked) for rule in rules)


def route_for(routes: Sequence[Route], asked: str) -> Route | None:
    """The first whose pattern the name matches."""
    return next((one for one in routes if means(one.pattern, asked)), None)


def name_of(route: Route | None) -> str:
    """The name that stands for the models of a route, by which a rule may allow them. A pattern is
    none: whoever asks would choose the name."""
    return route.pattern if route and not any(sign in route.pattern for sign in "*?[") else ""


def offers_of(route: Route | None, asked: str, offers: Sequence[Offer]) -> list[Offer]:
    """What can answer to a name, best first where nothing else decides: by priority, then on the
    premises, then in memory already, then the one with the least to do. What a route names and
    nobody has is among them, so that one can say why it does not answer."""
    ranked = sorted(
        offers,
        key=lambda one: (
            one.priority,
            not one.is_up,
            one.leaves,
            not one.is_loaded,
            one.in_flight,
        ),
    )
    if route is None:
        return [one for one in ranked if canonical_name(one.model) == canonical_name(asked)]
    found: list[Offer] = []
    for candidate in route.candidates:
        named = asked if candidate.model == ANY else candidate.model
        meant = [
            one
            for one in ranked
            if candidate.provider in (ANY, one.provider)
            and canonical_name(one.model) == canonical_name(named)
        ] or [Offer(candidate.provider, named, is_cloud=False, is_up=False, is_there=False)]
        found += [one for one in meant if one not in found]
    return found


def ordered(
    offers: Sequence[Offer],
    by: By,
    *,
    speeds: Mapping[tuple[str, str], Speed],
    price: Price,
) -> list[Offer]:
    """The offers as a route wants them; those that are alike stay in their order."""
    match by:
        case "order":
            return list(offers)
        case "place":
            return sorted(offers, key=lambda one: one.leaves)
        case "cost":
            return sorted(offers, key=lambda one: _price(one, price))
        case "speed":
            return sorted(offers, key=lambda one: -_speed(one, speeds))


def is_for_code(model: str) -> bool:
    """Whether its name says so."""
    return any(word in model.lower() for word in CODE_WORDS)


def best(offers: Sequence[Offer], *, for_code: bool) -> Offer | None:
    """Where nobody names a model: on the premises first, and one that is known to be good."""

    def rank(offer: Offer) -> tuple[object, ...]:
        name = offer.model.lower()
        has_words = is_for_code(name) == for_code
        good = next((at for at, one in enumerate(GOOD_WORDS) if one in name), len(GOOD_WORDS))
        return offer.leaves, offer.priority, not has_words, good, not offer.is_loaded, name

    return min((one for one in offers if one.talks and one.is_up), key=rank, default=None)


def _price(offer: Offer, price: Price) -> int:
    known = price(offer.model, offer.provider)
    if known is None:
        return NO_PRICE if offer.leaves else 0
    return known


def _speed(offer: Offer, speeds: Mapping[tuple[str, str], Speed]) -> float:
    return speeds.get((offer.provider, canonical_name(offer.model)), Speed()).tokens_per_second
