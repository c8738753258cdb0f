"""Writes the OpenAPI document of the agent or the hub, the same on every machine, without a server.

.venv/bin/python packaging/openapi_document.py agent|hub FILE
"""

import argparse
import asyncio
import json
import sys
import tempfile
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from quart import Quart  # noqa: E402 - behind the path

from agent.answer_settings import DEFAULT_PORT  # noqa: E402
from agent.app import open_agent  # noqa: E402
from agent.settings import load  # noqa: E402
from hub.app import open_hub  # noqa: E402
from hub.settings import load as load_hub  # noqa: E402

NOBODY = "http://127.0.0.1:9"  # the discard port: nothing listens there
VERSION = "development"  # a release alone must not change what is made from the document


async def described() -> dict[str, Any]:  # Any: OpenAPI
    """The agent's document, whatever this machine's data folder, port and installed version are."""
    with tempfile.TemporaryDirectory() as folder:
        settings = load(
            data_dir=Path(folder), port=DEFAULT_PORT, ollama_url=NOBODY, manage_ollama="never"
        )
        async with open_agent(settings) as agent:
            return _document(agent.app)


async def hub_described() -> dict[str, Any]:  # Any: OpenAPI
    """The hub's document, likewise."""
    with tempfile.TemporaryDirectory() as folder:
        async with open_hub(load_hub({}, data_dir=Path(folder))) as hub:
            return _document(hub.app)


def _document(app: Quart) -> dict[str, Any]:  # Any: OpenAPI
    document: dict[str, Any] = app.extensions["QUART_SCHEMA"].openapi_provider.schema()
    document["info"]["version"] = VERSION
    return document


DOCUMENTS = {"agent": described, "hub": hub_described}


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("program", choices=sorted(DOCUMENTS))
    parser.add_argument("file", type=Path, metavar="FILE")
    asked = parser.parse_args()
    file: Path = asked.file
    text = json.dumps(asyncio.run(DOCUMENTS[asked.program]()), ensure_ascii=False, indent=2)
    file.write_text(f"{text}\n", "utf-8", newline="\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
