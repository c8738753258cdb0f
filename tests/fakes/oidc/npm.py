"""oidc-provider of npm, which is certified for OpenID Connect, as a process of its own."""

import asyncio
import json
import re
import shutil
import socket
import subprocess
import tempfile
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urljoin

import httpx
from filelock import FileLock

HERE = Path(__file__).parent
CLIENT, SECRET = "orca-hub", "kept by the hub alone"
PAGES = 15
INSTALLS_S, STARTS_S = 120, 20.0


def is_there() -> bool:
    """Whether it can be installed and run."""
    return shutil.which("node") is not None and shutil.which("npm") is not None


def install() -> None:
    """As package-lock.json says, once."""
    done = HERE / "node_modules" / ".package-lock.json"
    with FileLock(Path(tempfile.gettempdir()) / "orca-oidc-provider.lock", timeout=INSTALLS_S):
        if done.exists() and done.stat().st_mtime >= (HERE / "package-lock.json").stat().st_mtime:
            return
        npm = shutil.which("npm") or "npm"
        words = ("ci", "--no-audit", "--no-fund", "--loglevel=error")
        subprocess.run([npm, *words], cwd=HERE, check=True, timeout=INSTALLS_S)
        done.touch()


@asynccontextmanager
async def oidc_provider(
    port: int, hub: str, people: Mapping[str, Mapping[str, Any]]
) -> AsyncIterator[str]:  # Any: JSON
    """Its address; `hub` is the origin to which it leads back."""
    node = shutil.which("node") or "node"
    process = await asyncio.create_subprocess_exec(
        node, "--no-deprecation", "server.mjs", str(port), hub, json.dumps(people),
        cwd=HERE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        async with asyncio.timeout(STARTS_S):
            while process.stdout and (line := await process.stdout.readline()).strip() != b"ready":
                assert line, "oidc-provider does not start."
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        await process.wait()


def free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
    return port


async def through_its_pages(
    browser: httpx.AsyncClient, address: str, issuer: str, *, name: str = ""
) -> str:
    """What somebody called `name` does on its pages. The address to which it leads in the end."""
    answer = await browser.get(address)
    for _ in range(PAGES):
        if answer.is_redirect:
            address = urljoin(str(answer.url), answer.headers["Location"])
            if not address.startswith(issuer):
                return address
            answer = await browser.get(address)
            continue
        form = re.search(r'<form[^>]*action="([^"]+)"', answer.text)
        assert form, answer.text
        fields = dict(re.findall(r'name="([^"]+)" value="([^"]*)"', answer.text))
        if 'name="login"' in answer.text:
            fields |= {"login": name, "password": "any"}
        if 'name="logout"' in answer.text or "logout" in form[1]:
            fields["logout"] = "yes"
        answer = await browser.post(urljoin(str(answer.url), form[1]), data=fields)
    raise AssertionError("Its pages lead nowhere.")
