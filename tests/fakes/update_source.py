"""An update source that is a real server, and can lie in every way that a source can."""

import json
import re
import shutil
import socket
import threading
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from tests.house.tree import ROOT

ENDLESS = b"x" * 65_536
Change = Callable[[bytes], bytes]


class UpdateSource:
    """Serves a folder made by packaging/release.py. Closes its connections when it is left.

    `changes` alter what matches on its way out; `silent`, `endless` and `elsewhere` are patterns
    of addresses that are never answered, never end, or are said to have moved."""

    def __init__(self, folder: Path) -> None:
        self.keys, self.repository = folder / "keys", folder / "repository"
        self.changes: dict[str, Change] = {}
        self.silent = self.endless = self.elsewhere = "(?!)"
        self.asked: list[str] = []
        self._over = threading.Event()
        source = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                source.asked.append(self.path)
                with suppress(OSError):
                    source.answer(self)

            def log_message(self, *_args: object) -> None:
                """Nothing goes to the terminal."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,))

    def __enter__(self) -> "UpdateSource":
        self._thread.start()
        return self

    def __exit__(self, *_exc: object) -> None:
        self._over.set()
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    @property
    def root(self) -> Path:
        return self.repository / "metadata" / "1.root.json"

    def answer(self, asked: BaseHTTPRequestHandler) -> None:
        path = asked.path
        if re.search(self.silent, path):
            self._over.wait(30)
            return
        if re.search(self.elsewhere, path):
            asked.send_response(302)
            asked.send_header("Location", f"{self.url}/stolen{path}")
            asked.end_headers()
            return
        if re.search(self.endless, path):
            asked.send_response(200)
            asked.end_headers()
            while not self._over.is_set():
                asked.wfile.write(ENDLESS)
            return
        file = self.repository / path.removeprefix("/stolen").lstrip("/")
        if not file.is_file():
            asked.send_error(404)
            return
        content = file.read_bytes()
        for pattern, change in self.changes.items():
            if re.search(pattern, path):
                content = change(content)
        asked.send_response(200)
        asked.send_header("Content-Length", str(len(content)))
        asked.end_headers()
        asked.wfile.write(content)
        asked.wfile.flush()
        with suppress(OSError):
            asked.connection.shutdown(socket.SHUT_WR)


class Publisher:
    """Uses packaging/release.py as its owner does, without a process for each call."""

    def __init__(self, source: UpdateSource) -> None:
        import importlib.util

        spec = importlib.util.spec_from_file_location("release", ROOT / "packaging/release.py")
        assert spec
        assert spec.loader
        self._tool = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(self._tool)
        self._source = source
        self._tool.keys(source.keys)

    def publish(self, version: str, **about: str) -> None:
        release = {
            "version": version,
            "notes": "Better first layers.",
            "published": "2026-11-01T08:00:00+00:00",
            "url": "https://example.org/orca-agents",
            **about,
        }
        self._tool.publish(self._source.repository, self._source.keys, release)

    def publish_raw(self, content: object) -> None:
        self._tool.publish(self._source.repository, self._source.keys, content)

    def keep(self, name: str) -> Path:
        """A copy of the repository as it is now."""
        kept = self._source.repository.with_name(name)
        shutil.copytree(self._source.repository, kept)
        return kept

    def put_back(self, kept: Path) -> None:
        shutil.rmtree(self._source.repository)
        shutil.copytree(kept, self._source.repository)

    def age(self, role: str, days: int = 400) -> None:
        """Signs the newest metadata of a role anew, as if it had been made long ago."""
        from tuf.api.metadata import Metadata

        folder = self._source.repository / "metadata"
        names = sorted(f.name for f in folder.iterdir() if f.name.endswith(f"{role}.json"))
        found = Metadata.from_file(str(folder / names[-1]))
        found.signed.expires = datetime.now(UTC).replace(microsecond=0) - timedelta(days=days)
        found.sign(self._tool._signer(self._source.keys, role))
        found.to_file(str(folder / names[-1]))


def with_foreign_key(content: bytes) -> bytes:
    """The same metadata, signed by somebody else who says to be its owner."""
    from securesystemslib.signer._crypto_signer import CryptoSigner
    from tuf.api.metadata import Metadata

    said = Metadata.from_bytes(content)
    stranger = CryptoSigner.generate_ed25519()
    owner = next(iter(said.signatures))
    said.signatures.clear()
    signature = said.sign(stranger)
    said.signatures.clear()
    signature.keyid = owner
    said.signatures[owner] = signature
    return bytes(said.to_bytes())


def with_other_number(content: bytes) -> bytes:
    """One figure of what was signed is another."""
    said = json.loads(content)
    said["signed"]["version"] += 1
    return json.dumps(said).encode()
