"""The hub that this agent belongs to: addresses, codes and what is remembered, by values alone."""

import base64
import hashlib
import ipaddress
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal
from urllib.parse import parse_qs, urlencode, urlsplit

How = Literal["browser", "device"]
State = Literal["off", "waiting", "on", "ended"]
CLIENT = "orca-agent"
NAME_CHARACTERS = 100
EARLY = timedelta(seconds=60)  # how long before its end an access token is renewed
REQUEST = re.compile(r"GET (/[^ ]*) HTTP/1\.[01]")


@dataclass(frozen=True, slots=True)
class Policy:
    """What the hub says about what one may use. Without `cloud` no text leaves the house."""

    cloud: bool = True
    models: tuple[str, ...] = ("*",)
    providers: tuple[str, ...] = ("*",)


@dataclass(frozen=True, slots=True)
class Link:
    """Which hub, as whom, and as which machine; nothing of it is secret. The
    policy is what the hub said last, and holds while it is away."""

    url: str
    machine_id: str
    machine_name: str
    account: str
    connected_at: str
    ca_file: str | None = None
    policy: Policy = Policy()
    key_place: str = ""  # of the tokens, in words for their owner


@dataclass(frozen=True, slots=True)
class Pair:
    """What the hub gave last."""

    access: str
    refresh: str
    until: datetime

    def holds(self, now: datetime) -> bool:
        """Whether the access token is good for another while."""
        return now < self.until - EARLY


def hub_origin(text: str) -> str:
    """Scheme, host and port of a hub. Raises ValueError with a sentence."""
    cleaned = text.strip()
    cleaned = cleaned if "://" in cleaned else f"https://{cleaned}"
    try:
        parts = urlsplit(cleaned)
        port = parts.port
    except ValueError:
        raise ValueError("The address of the hub cannot be read.") from None
    if not parts.hostname or "@" in parts.netloc or re.search(r"[\s\\%]", parts.netloc):
        raise ValueError("The address of a hub is one such as https://hub.example.org.")
    if parts.path.strip("/") or parts.query or parts.fragment:
        raise ValueError("The address of a hub ends with its host and port: nothing after it.")
    if parts.scheme != "https" and not (parts.scheme == "http" and _is_loopback(parts.hostname)):
        raise ValueError("The address of a hub begins with https://.")
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    return f"{parts.scheme}://{host}" + (f":{port}" if port else "")


def page_address(text: object) -> str:
    """A page that a hub wants to be opened: on the web, and nothing that starts a program or opens
    a file here. Raises ValueError."""
    address = str(text)
    parts = urlsplit(address)
    is_web = parts.scheme == "https" or (
        parts.scheme == "http" and _is_loopback(parts.hostname or "")
    )
    if not is_web or not parts.hostname or not re.fullmatch(r"[!-~]{1,500}", address):
        raise ValueError("That is no page of a hub.")
    return address


def challenge_of(verifier: str) -> str:
    """S256 of RFC 7636."""
    digest = hashlib.sha256(verifier.encode()).digest()
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()


def machine_name(text: str) -> str:
    """A name that a hub takes."""
    shown = "".join(one for one in text if one.isprintable())
    return " ".join(shown.split())[:NAME_CHARACTERS] or "computer"


def authorize_address(url: str, *, back: str, verifier: str, state: str, name: str) -> str:
    """Where the browser goes, so that somebody lets this machine in."""
    query = {
        "response_type": "code",
        "client_id": CLIENT,
        "redirect_uri": back,
        "code_challenge": challenge_of(verifier),
        "code_challenge_method": "S256",
        "state": state,
        "machine_name": name,
    }
    return f"{url}/api/v1/auth/machine/authorize?{urlencode(query)}"


def brought(request_line: str, path: str) -> Mapping[str, str] | None:
    """What the first line of a request brings to a path; None for any other request."""
    found = REQUEST.fullmatch(request_line)
    parts = urlsplit(found[1]) if found else None
    if parts is None or parts.path != path:
        return None
    said = parse_qs(parts.query, max_num_fields=20)
    return {name: values[0] for name, values in said.items()}


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
