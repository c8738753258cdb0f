"""Model servers behind TLS, with certificates of an authority of one's own."""

import asyncio
import shutil
import ssl
import subprocess
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from agent.inference.ollama import Ollama
from agent.inference.openai import OpenAI
from agent.shared.errors import Unavailable

pytestmark = pytest.mark.skipif(not shutil.which("openssl"), reason="makes the certificates")
MODELS = b'{"data":[{"id":"tiny"}],"models":[{"name":"tiny"}]}'
ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(MODELS), MODELS)


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with `ca.pem`, and `server.pem` and `server.key` that it vouches for."""
    folder = tmp_path_factory.mktemp("tls")
    new = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2")
    of_host = ("-addext", "subjectAltName=IP:127.0.0.1", "-addext", "basicConstraints=CA:FALSE")
    vouched = ("-CA", "ca.pem", "-CAkey", "ca.key", "-keyout", "server.key", "-out", "server.pem")
    for about in (
        (*new, "-subj", "/CN=Own authority", "-keyout", "ca.key", "-out", "ca.pem"),
        (*new, "-subj", "/CN=127.0.0.1", *of_host, *vouched),
    ):
        command = ["openssl", "req", "-x509", *about]
        subprocess.run(command, cwd=folder, check=True, capture_output=True)
    return folder


@pytest.fixture
async def url(certificates: Path) -> AsyncIterator[str]:
    """A server that answers every request with its models."""

    async def answers(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while await reader.readline():
            while (await reader.readline()).strip():
                pass
            writer.write(ANSWER)
        writer.close()

    trust = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    trust.load_cert_chain(certificates / "server.pem", certificates / "server.key")
    async with await asyncio.start_server(answers, "127.0.0.1", 0, ssl=trust) as server:
        yield f"https://127.0.0.1:{server.sockets[0].getsockname()[1]}"


async def test_an_authority_of_ones_own_is_believed_where_it_is_named(
    url: str, certificates: Path
) -> None:
    async with (
        OpenAI(url, ca_file=certificates / "ca.pem") as openai,
        Ollama(url, ca_file=certificates / "ca.pem") as ollama,
    ):
        found = [*await openai.tags(), *await ollama.tags()]

    assert [model.name for model in found] == ["tiny", "tiny"]


async def test_a_certificate_that_nobody_vouches_for_is_refused_with_advice(
    url: str, certificates: Path
) -> None:
    async with OpenAI(url, key="sk-canary-0123456789") as stranger:
        with pytest.raises(Unavailable) as refused:
            await stranger.tags()
    async with OpenAI(url, ca_file=certificates / "server.key") as wrong:
        with pytest.raises(Unavailable) as unreadable:
            await wrong.tags()

    assert refused.value.code == "untrusted-certificate"
    assert "--ca-file" in refused.value.detail
    assert unreadable.value.code == "bad-ca-file"


async def test_a_server_without_tls_is_told_apart() -> None:
    async def plain(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1)
        writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        writer.close()

    async with await asyncio.start_server(plain, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        async with Ollama(f"https://127.0.0.1:{port}") as wrong:
            with pytest.raises(Unavailable) as refused:
                await wrong.tags()

    assert refused.value.code == "ollama-garbled"
    assert "does not speak TLS" in refused.value.detail
