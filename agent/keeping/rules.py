"""What a backup is, what it may hold, which backups stay, and when the next one is due."""

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime, timedelta
from typing import Literal

FORMAT = "orca-agents.backup"
FORMAT_VERSION = 1
MANIFEST, DATABASE, SETTINGS = "manifest.json", "agent.db", "agent.toml"
IMAGES, FILES = "images", "slicer"
MANIFEST_BYTES = 64 << 20
MOST_MEMBERS = 250_000
SETTINGS_BYTES = 1 << 20
# A clock that was set back makes yesterday's backup one of tomorrow.
CLOCK_SLACK = timedelta(days=1)

Held = Literal["database", "settings", "images", "files"]
Reason = Literal["asked", "automatic", "before-restore", "before-reset"]

ELSEWHERE = "uploaded"
NAME = re.compile(
    r"orca-agents-\d{8}-\d{6}(-before-restore|-before-reset|-uploaded)?(-\d{1,4})?\.zip"
)
MEMBER = re.compile(
    r"agent\.db|agent\.toml|images/([0-9a-f]{2})/\1[0-9a-f]{62}"
    r"|slicer/[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\.(gcode|3mf)"
)
SHA256 = re.compile(r"[0-9a-f]{64}")
# Settings that start a program, say where words go, or bound that, under all of their names.
DECIDED_HERE = {
    "allowed_backends",
    "allowed_models",
    "cloud",
    "ollama_binary",
    "ollama_host",
    "ollama_url",
    "orcaslicer_binary",
    "otel_exporter_otlp_endpoint",
    "otlp_endpoint",
    "prusaslicer_binary",
    "slicer_data_dirs",
    "update_root",
    "update_url",
}


@dataclass(frozen=True, slots=True)
class Member:
    """One file in a backup."""

    size_bytes: int
    sha256: str


@dataclass(frozen=True, slots=True)
class Manifest:
    """What a backup says of itself. `serial` grows with each backup of a data folder, whatever
    its clock says; `schema` is that of the database in it."""

    version: str
    schema: str
    created_at: str
    reason: Reason
    serial: int
    members: Mapping[str, Member] = field(default_factory=dict)
    lost_images: int = 0

    @property
    def is_automatic(self) -> bool:
        return self.reason == "automatic"

    @property
    def size_bytes(self) -> int:
        """Of all members, unpacked."""
        return sum(member.size_bytes for member in self.members.values())


@dataclass(frozen=True, slots=True)
class Wanted:
    """What goes into a backup beside the database and the settings."""

    images: bool = True
    files: bool = False


@dataclass(frozen=True, slots=True)
class Stored:
    """A backup in the folder. `manifest` is None for one that cannot be read."""

    name: str
    size_bytes: int
    manifest: Manifest | None

    @property
    def is_automatic(self) -> bool:
        """Made by the calendar, and here: what a person brought along is theirs."""
        return bool(self.manifest and self.manifest.is_automatic) and ELSEWHERE not in self.name


def is_decided_here(setting: str) -> bool:
    """Whether a backup from elsewhere has no say in this setting, by any of its names."""
    return setting.lower().removeprefix("orca_agent_") in DECIDED_HERE


def image_member(sha256: object) -> str | None:
    """The name of a picture in a backup; None for what is no hash of one."""
    return _place(f"{IMAGES}/{str(sha256)[:2]}/{sha256}")


def file_member(file_id: object, kind: object) -> str | None:
    """The name of a sliced file in a backup; None for what is no id of one."""
    return _place(f"{FILES}/{file_id}.{kind}")


def _place(name: str) -> str | None:
    return name if MEMBER.fullmatch(name) else None


def holds(members: Iterable[str]) -> list[Held]:
    """The kinds of things among the members, the most important first."""
    kinds: dict[str, Held] = {
        DATABASE: "database",
        SETTINGS: "settings",
        IMAGES: "images",
        FILES: "files",
    }
    found = {kinds[name.partition("/")[0]] for name in members}
    return [kind for kind in kinds.values() if kind in found]


def name_for(moment: datetime, kind: str, taken: Iterable[str]) -> str:
    """A name that no other backup has."""
    ending = f"-{kind}" if kind not in ("asked", "automatic") else ""
    stem, others = f"orca-agents-{moment:%Y%m%d-%H%M%S}{ending}", set(taken)
    name, number = f"{stem}.zip", 1
    while name in others:
        number += 1
        name = f"{stem}-{number}.zip"
    return name


def written(manifest: Manifest) -> bytes:
    """As it stands in the file."""
    said = {
        "format": FORMAT,
        "format_version": FORMAT_VERSION,
        "holds": holds(manifest.members),
        **asdict(manifest),
    }
    return json.dumps(said, indent=1).encode()


def read(text: bytes) -> Manifest:
    """Raises ValueError with the end of a sentence that begins with the backup's name."""
    try:
        said = json.loads(text)
    except ValueError:
        raise ValueError("has a list of contents that is not JSON") from None
    if not isinstance(said, dict) or said.get("format") != FORMAT:
        raise ValueError("was not made by Orca Agents")
    if said.get("format_version") != FORMAT_VERSION:
        raise ValueError("was made by a newer version of Orca Agents: update this one first")
    try:
        return _manifest(said)
    except (KeyError, TypeError, ValueError, AttributeError):
        raise ValueError("has a list of contents that is damaged") from None


def _manifest(said: Mapping[str, object]) -> Manifest:
    reasons: tuple[Reason, ...] = ("asked", "automatic", "before-restore", "before-reset")
    (reason,) = (one for one in reasons if one == said["reason"])
    texts = [said[name] for name in ("version", "schema", "created_at")]
    numbers = [said["serial"], said["lost_images"]]
    if not all(isinstance(text, str) and len(text) <= 100 for text in texts):
        raise TypeError
    if not all(type(number) is int and number >= 0 for number in numbers):
        raise TypeError
    if datetime.fromisoformat(str(said["created_at"])).tzinfo is None:
        raise ValueError
    members = said["members"]
    if not isinstance(members, dict) or not 0 < len(members) <= MOST_MEMBERS:
        raise TypeError
    known = {name: _member(name, member) for name, member in members.items()}
    if DATABASE not in known:
        raise KeyError
    version, schema, created_at = map(str, texts)
    serial, lost = (int(str(number)) for number in numbers)
    return Manifest(version, schema, created_at, reason, serial, known, lost)


def _member(name: str, said: Mapping[str, object]) -> Member:
    size, sha256 = said["size_bytes"], said["sha256"]
    if not MEMBER.fullmatch(name) or not isinstance(sha256, str) or not SHA256.fullmatch(sha256):
        raise ValueError
    if type(size) is not int or size < 0 or (name == SETTINGS and size > SETTINGS_BYTES):
        raise ValueError
    if name.startswith(f"{IMAGES}/") and not name.endswith(sha256):
        raise ValueError
    return Member(size, sha256)


def surplus(stored: Iterable[Stored], keep: int) -> list[str]:
    """The names of automatic backups that go: all but those that were made last, by their serial
    and not by a clock. What a person asked for always stays."""
    automatic = [
        (one.manifest.serial, one.name)
        for one in stored
        if one.manifest is not None and one.is_automatic
    ]
    automatic.sort(reverse=True)
    return [name for _, name in automatic[max(keep, 1) :]]


def next_serial(stored: Iterable[Stored]) -> int:
    here = (one for one in stored if ELSEWHERE not in one.name)
    return max((one.manifest.serial for one in here if one.manifest), default=0) + 1


def is_due(stored: Iterable[Stored], every_days: int, now: datetime) -> bool:
    """Whether the next automatic backup is to be made."""
    if not every_days:
        return False
    made = [
        datetime.fromisoformat(one.manifest.created_at)
        for one in stored
        if one.manifest and one.is_automatic
    ]
    # One of the future tells nothing of when it was made.
    past = [moment for moment in made if moment <= now + CLOCK_SLACK]
    return not past or now - max(past) >= timedelta(days=every_days)


def latest(stored: Iterable[Stored], now: datetime) -> Stored | None:
    """The newest one that can be read. One that a restore put aside, and one of the future, only
    where there is no other: to restore the latest twice does not go back and forth."""

    def order(one: Stored) -> tuple[bool, bool, datetime, int]:
        assert one.manifest is not None  # noqa: S101 - filtered below
        moment = datetime.fromisoformat(one.manifest.created_at)
        is_put_aside = one.manifest.reason == "before-restore"
        return not is_put_aside, moment <= now + CLOCK_SLACK, moment, one.manifest.serial

    return max((one for one in stored if one.manifest), key=order, default=None)
