"""Whose certificates are trusted: the system's authorities, and one of the user's own."""

import asyncio
import ssl
from pathlib import Path

from agent.shared.errors import Invalid, Unavailable


async def trust_for(url: str, ca_file: Path | None) -> ssl.SSLContext | bool:
    """As aiohttp takes it. Raises Unavailable `bad-ca-file`."""
    # Reading the certificate authorities takes longer than all else here: only for TLS.
    if not url.startswith("https:"):
        return ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    if ca_file is None:
        return True
    try:
        return await asyncio.to_thread(_authorities, ca_file)
    except (OSError, ssl.SSLError) as err:
        raise Unavailable(
            "bad-ca-file",
            f"The file of the certificate authority, {ca_file.name}, cannot be read. "
            "It holds certificates as PEM.",
        ) from err


def check_authority(file: Path) -> None:
    """Reads the file, which takes a moment. Raises Invalid `bad-ca-file`."""
    is_good = file.is_absolute()
    if is_good:
        try:
            ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(file)
        except (OSError, ssl.SSLError):
            is_good = False
    if not is_good:
        raise Invalid(
            "bad-ca-file",
            "ca_file is the whole path of a file with certificates as PEM, which the agent can "
            "read.",
        )


def _authorities(ca_file: Path) -> ssl.SSLContext:
    """The system's authorities and those of the file."""
    trust = ssl.create_default_context()
    # Python 3.13 began to refuse an authority that `openssl req -x509` makes when nothing else is
    # said: it does not tell what its key is for.
    trust.verify_flags &= ~ssl.VERIFY_X509_STRICT
    trust.load_verify_locations(ca_file)
    return trust
