"""Announces a version to the programs that ask for it (setting update_check).

What it writes is a repository of The Update Framework, to be served as plain files:
https://theupdateframework.github.io/specification/latest/

    .venv/bin/python packaging/release.py keys KEYS
        four Ed25519 keys, one for each role; keep the folder off every server, `root` off-line
    .venv/bin/python packaging/release.py publish REPOSITORY --keys KEYS \\
        --version 1.2.0 --notes NOTES.md --url https://...
        the first time it also writes REPOSITORY/metadata/1.root.json, which goes into packages as
        agent/updates/source/root.json, with the address of the repository as url.txt beside it
    .venv/bin/python packaging/release.py refresh REPOSITORY --keys KEYS
        once a week, for example from a timer: says anew that nothing newer is held back
"""

import argparse
import hashlib
import json
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography.hazmat.primitives.serialization import load_pem_private_key
from packaging.version import InvalidVersion, Version
from securesystemslib.signer import CryptoSigner
from tuf.api.metadata import (
    Metadata,
    MetaFile,
    Root,
    Snapshot,
    TargetFile,
    Targets,
    Timestamp,
)

ROLES = ("root", "targets", "snapshot", "timestamp")
TARGET = "release.json"
# Days for which each says something: what is signed off-line holds long, the heartbeat short.
HOLDS_DAYS = {"root": 3650, "targets": 730, "snapshot": 730, "timestamp": 30}


def keys(folder: Path) -> None:
    """Makes the keys. Raises FileExistsError where there are some: they are never replaced."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    for role in ROLES:
        file = folder / f"{role}.pem"
        with file.open("xb") as out:
            file.chmod(0o600)
            out.write(CryptoSigner.generate_ed25519().private_bytes)


def publish(repository: Path, keys_dir: Path, release: dict[str, str | None]) -> None:
    """Announces `release`, as agent/updates/rules.py reads it."""
    metadata = repository / "metadata"
    metadata.mkdir(parents=True, exist_ok=True)
    if not _newest(metadata, "root"):
        _write_root(metadata, keys_dir)
    content = json.dumps(release, indent=2, sort_keys=True).encode()
    _write_target(repository / "targets", content)
    targets = Targets(
        version=_next(metadata, "targets"),
        expires=_expiry("targets"),
        targets={TARGET: TargetFile.from_data(TARGET, content, ["sha256"])},
    )
    _sign(metadata, keys_dir, "targets", targets)
    snapshot = Snapshot(
        version=_next(metadata, "snapshot"),
        expires=_expiry("snapshot"),
        meta={"targets.json": MetaFile(version=targets.version)},
    )
    _sign(metadata, keys_dir, "snapshot", snapshot)
    refresh(repository, keys_dir)


def refresh(repository: Path, keys_dir: Path) -> None:
    """Signs the newest state once more, with a new date."""
    metadata = repository / "metadata"
    newest = _newest(metadata, "snapshot")
    if not newest:
        raise SystemExit("Nothing has been published there yet.")
    last = metadata / "timestamp.json"
    version = Metadata[Timestamp].from_file(str(last)).signed.version + 1 if last.exists() else 1
    said = Timestamp(
        version=version, expires=_expiry("timestamp"), snapshot_meta=MetaFile(version=newest)
    )
    _sign(metadata, keys_dir, "timestamp", said)


def _announced(repository: Path) -> str | None:
    """The version that was published last."""
    folder = repository / "targets"
    files = sorted(folder.glob(f"*.{TARGET}"), key=lambda file: file.stat().st_mtime)
    try:
        return str(json.loads(files[-1].read_bytes())["version"])
    except (IndexError, ValueError, KeyError, TypeError):
        return None


def _order(version: str | None) -> Version:
    try:
        return Version(version or "")
    except InvalidVersion:
        raise SystemExit(f"{version} is no version, such as 1.2.0.") from None


def _write_root(metadata: Path, keys_dir: Path) -> None:
    root = Root(version=1, expires=_expiry("root"), consistent_snapshot=True)
    for role in ROLES:
        root.add_key(_signer(keys_dir, role).public_key, role)
    _sign(metadata, keys_dir, "root", root)


def _write_target(targets: Path, content: bytes) -> None:
    targets.mkdir(exist_ok=True)
    (targets / f"{hashlib.sha256(content).hexdigest()}.{TARGET}").write_bytes(content)


def _sign(
    metadata: Path, keys_dir: Path, role: str, said: Root | Targets | Snapshot | Timestamp
) -> None:
    """The heartbeat has one name; all others carry their version, so that none is overwritten."""
    signed = Metadata(said)
    signed.sign(_signer(keys_dir, role))
    name = f"{role}.json" if role == "timestamp" else f"{said.version}.{role}.json"
    draft = metadata / f".{name}.new"
    signed.to_file(str(draft))
    draft.replace(metadata / name)


def _signer(keys_dir: Path, role: str) -> CryptoSigner:
    key = load_pem_private_key((keys_dir / f"{role}.pem").read_bytes(), None)
    return CryptoSigner(key)


def _newest(metadata: Path, role: str) -> int:
    return max((int(f.name.split(".")[0]) for f in metadata.glob(f"*.{role}.json")), default=0)


def _next(metadata: Path, role: str) -> int:
    return _newest(metadata, role) + 1


def _expiry(role: str) -> datetime:
    return _now().replace(microsecond=0) + timedelta(days=HOLDS_DAYS[role])


def _now() -> datetime:
    return datetime.now(UTC)  # noqa: TID251 - a program of its own


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("keys").add_argument("folder", type=Path)
    for name in ("publish", "refresh"):
        one = commands.add_parser(name)
        one.add_argument("repository", type=Path)
        one.add_argument("--keys", type=Path, required=True)
    publishing = commands.choices["publish"]
    publishing.add_argument("--version", required=True)
    publishing.add_argument("--notes", type=Path, help="Markdown")
    publishing.add_argument("--url", help="https address where it can be got")
    asked = parser.parse_args(arguments)
    if asked.command == "keys":
        keys(asked.folder)
    elif asked.command == "refresh":
        refresh(asked.repository, asked.keys)
    else:
        release = {
            "version": asked.version,
            "notes": asked.notes.read_text("utf-8") if asked.notes else "",
            "published": _now().isoformat(timespec="seconds"),
            "url": asked.url,
        }
        known = _announced(asked.repository)
        if known and _order(asked.version) <= _order(known):
            raise SystemExit(f"{known} is announced already, and nobody takes an older version.")
        publish(asked.repository, asked.keys, release)
        print(f"{asked.version} is announced. Seats need metadata/1.root.json as update_root.")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
