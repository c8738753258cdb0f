"""Why a server does not answer, for those who cannot mend it: by its name, and not by its address.

Administrators are told all of it."""

import re
from collections.abc import Iterator
from contextlib import contextmanager

from agent.shared.errors import OrcaError
from hub.access import Principal
from hub.ai.choosing import Offer

DOWN = "{server} does not answer."
GARBLED = "{server} answers with what nobody can read."
REFUSED = "{server} refuses what the hub asks."
SLOW = "{model} at {server} did not begin to answer in time."
STALLED = "{model} at {server} said nothing more, so the answer was ended. Ask again."
BUSY = "{server} has too many requests, or is still starting. Try again in a moment."
SENTENCES = {
    "ollama-down": DOWN,
    "backend-down": DOWN,
    "ollama-garbled": GARBLED,
    "backend-garbled": GARBLED,
    "ollama-refused-us": REFUSED,
    "key-refused": REFUSED,
    "signin-needed": REFUSED,
    "cloud-disabled": REFUSED,
    "quota-used-up": "What the hub may use at {server} is used up.",
    "ollama-busy": BUSY,
    "backend-busy": BUSY,
    "ollama-too-slow": SLOW,
    "backend-too-slow": SLOW,
    "ollama-stalled": STALLED,
    "backend-stalled": STALLED,
    "ollama-failed": "{server} failed on {model}.",
    "backend-failed": "{server} failed on {model}.",
    "ollama-rejected": "{server} refused the request for {model}.",
    "backend-rejected": "{server} refused the request for {model}.",
    "model-load-failed": "{server} could not load {model}.",
    "model-crashed": "{model} at {server} crashed while it answered. Ask again.",
    "context-exceeded": "What is asked, with all that was said before, is longer than {model} can "
    "read. Shorten it, or begin anew.",
}
QUOTE = re.compile(r"(?:It|Ollama) says: .*", re.DOTALL)
ADDRESS = re.compile(
    r"https?://[^\s\"'<>]*[\w/]|\b(?:\d{1,3}\.){3}\d{1,3}(?::\d+)?\b|\blocalhost:\d+\b"
)


def plain(code: str, detail: str, *, model: str, server: str) -> str:
    """The sentence for a User. What the server said itself stays, without addresses."""
    if not server or server == "*":
        return detail
    if code == "model-not-found" and not detail.startswith(("There is", "No model")):
        return f"{server} has no model called {model}."
    sentence = SENTENCES.get(code)
    if sentence is None:
        return ADDRESS.sub(server, detail)
    quote = QUOTE.search(detail)
    said = f" {ADDRESS.sub(server, quote[0])}" if quote else ""
    return sentence.format(model=model, server=server) + said.replace("Ollama says:", "It says:")


@contextmanager
def told_plainly(who: Principal, offer: Offer) -> Iterator[None]:
    """What is raised inside speaks to who asked."""
    try:
        yield
    except OrcaError as err:
        detail = plain(err.code, err.detail, model=offer.model, server=offer.provider)
        if who.is_administrator or detail == err.detail:
            raise
        raise type(err)(err.code, detail, **err.extra) from err
