"""What a release says of itself, and whether it is newer."""

import json
import re
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import urlsplit

TARGET = "release.json"
LARGEST_BYTES = 256 * 1024
NOTES_CHARACTERS = 20_000
VERSION = re.compile(r"(\d{1,6})\.(\d{1,6})\.(\d{1,6})(?:(a|b|rc)(\d{1,4}))?")
STAGES = {"a": 0, "b": 1, "rc": 2, None: 3}
SHOWN = ("https://",)


@dataclass(frozen=True, slots=True)
class Release:
    """A version that was published. `notes` is Markdown by the publisher, to be shown as such."""

    version: str
    notes: str
    published: str
    url: str | None


def release_of(content: bytes) -> Release:
    """The target `release.json`: `{"version","notes","published","url"}`.

    Raises ValueError with what is wrong with it. It was signed, but a mistake of the publisher
    must not become one of the page: an address other than https is left out."""
    try:
        said = json.loads(content)
        version, notes = str(said["version"]), str(said.get("notes", ""))
        published, url = str(said["published"]), said.get("url")
    except (ValueError, KeyError, TypeError, AttributeError):
        raise ValueError("is no description of a release") from None
    if not VERSION.fullmatch(version):
        raise ValueError("names no version")
    try:
        datetime.fromisoformat(published)
    except ValueError:
        raise ValueError("names no time") from None
    is_shown = isinstance(url, str) and url.startswith(SHOWN) and len(url) <= 500
    return Release(version, notes[:NOTES_CHARACTERS], published, url if is_shown else None)


def is_newer(version: str, current: str) -> bool:
    """Whether `version` comes after `current` (PEP 440's numbers, with a, b and rc before them).

    A program of unknown version is not told that something were newer."""
    offered, ours = VERSION.fullmatch(version), VERSION.match(current)
    return bool(offered and ours and _order(offered) > _order(ours))


def _order(match: re.Match[str]) -> tuple[int, ...]:
    major, minor, patch, stage, number = match.groups()
    return int(major), int(minor), int(patch), STAGES[stage], int(number or 0)


def source_address(text: str) -> str:
    """An address as it is used, without a slash at its end; empty stays empty.

    http is allowed too: what comes is believed for its signature, not for where it came from.
    Raises ValueError with a sentence."""
    cleaned = text.strip()
    if not cleaned:
        return ""
    try:
        parts = urlsplit(cleaned)
        is_one = bool(parts.hostname) and parts.scheme in {"https", "http"}
    except ValueError:
        is_one = False
    if not is_one or re.search(r"[\s\x00-\x1f\\]", cleaned):
        raise ValueError("The update source is an address with https:// or http://.")
    if "@" in parts.netloc or parts.query or parts.fragment:
        raise ValueError("The address of the update source holds no user, no ? and no #.")
    return cleaned.rstrip("/")
