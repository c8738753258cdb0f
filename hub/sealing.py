"""Seals what the hub keeps of others' secrets, so that the database alone gives none away."""

import base64
import os
import secrets
from pathlib import Path

from agent.shared.errors import Unavailable
from agent.shared.private_file import Distrusted, read_private, write_private

FILE_NAME = "secret.key"
NONCE_BYTES = 12
VERSION = "v1"
KEY_CHARACTERS = 4096


class Seal:
    """AES-256-GCM with a key for each purpose, derived by HKDF-SHA256 (RFC 5869)."""

    def __init__(self, secret: str) -> None:
        self._secret = secret.encode()
        self._keys: dict[str, bytes] = {}

    def seal(self, text: str, purpose: str) -> str:
        """`v1:` and base64 of nonce and ciphertext. `purpose` binds it to where it is kept."""
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM  # slow import

        nonce = os.urandom(NONCE_BYTES)
        sealed = AESGCM(self._key(purpose)).encrypt(nonce, text.encode(), purpose.encode())
        return f"{VERSION}:{base64.urlsafe_b64encode(nonce + sealed).decode()}"

    def open(self, sealed: str, purpose: str) -> str:
        """Raises Unavailable `secret-key-changed` if another key sealed it."""
        from cryptography.exceptions import InvalidTag  # slow import
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM  # slow import

        version, _, text = sealed.partition(":")
        raw = base64.urlsafe_b64decode(text) if version == VERSION else b""
        try:
            opened = AESGCM(self._key(purpose)).decrypt(
                raw[:NONCE_BYTES], raw[NONCE_BYTES:], purpose.encode()
            )
        except (InvalidTag, ValueError):
            raise Unavailable(
                "secret-key-changed",
                "What was kept was sealed with another secret key. Set the former secret_key, or "
                "give the secrets anew.",
            ) from None
        return opened.decode()

    def digest(self, text: str, purpose: str) -> str:
        """A keyed digest, for what must be found again and never read: HMAC-SHA256 in hex."""
        import hmac

        return hmac.new(self._key(purpose), text.encode(), "sha256").hexdigest()

    def _key(self, purpose: str) -> bytes:
        if purpose not in self._keys:
            from cryptography.hazmat.primitives.hashes import SHA256  # slow import
            from cryptography.hazmat.primitives.kdf.hkdf import HKDF  # slow import

            kdf = HKDF(SHA256(), 32, salt=b"orca-hub", info=purpose.encode())
            self._keys[purpose] = kdf.derive(self._secret)
        return self._keys[purpose]


def secret_of(data_dir: Path, given: str | None) -> str:
    """The one that is set, else the hub's own, made once in the data folder.

    Raises Unavailable `secret-key-unusable`."""
    if given:
        return given
    file = data_dir / FILE_NAME
    try:
        if kept := read_private(file, limit_bytes=KEY_CHARACTERS):
            return kept.strip()
        made = secrets.token_urlsafe(48)
        write_private(file, f"{made}\n")
    except (OSError, Distrusted) as err:
        reason = err.strerror if isinstance(err, OSError) else f"it {err}"
        raise Unavailable(
            "secret-key-unusable", f"The file {FILE_NAME} of the hub cannot be used: {reason}."
        ) from err
    return made
