"""HTTP digest authentication (RFC 7616, and RFC 2069 as small printers speak it)."""

import hashlib
import re
from dataclasses import dataclass, field

FIELD = re.compile(r'(\w+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s,]+))')
HASHES = {"md5": hashlib.md5, "sha-256": hashlib.sha256}


@dataclass(slots=True)
class Digest:
    """Answers the challenge of one server for one person; keeps the challenge for later
    requests."""

    user: str
    password: str = field(repr=False)
    _told: dict[str, str] = field(default_factory=dict)
    _count: int = 0

    @property
    def is_ready(self) -> bool:
        return bool(self._told)

    def take(self, challenge: str) -> bool:
        """Takes the header WWW-Authenticate; whether it can be answered."""
        kind, _, rest = challenge.strip().partition(" ")
        told = {m[1].lower(): (m[2] if m[2] is not None else m[3]) for m in FIELD.finditer(rest)}
        algorithm = told.get("algorithm", "MD5").lower()
        qop = {one.strip() for one in told.get("qop", "auth").split(",")}
        if kind.lower() != "digest" or "nonce" not in told:
            return False
        if algorithm not in HASHES or "auth" not in qop:
            return False
        self._told, self._count = told, 0
        return True

    def header(self, method: str, uri: str, cnonce: str) -> str:
        """The header Authorization of one request. `uri` is path and query as they are sent."""
        told = self._told
        realm, nonce = told.get("realm", ""), told["nonce"]
        ours = self._hash(f"{self.user}:{realm}:{self.password}")
        theirs = self._hash(f"{method}:{uri}")
        parts = [
            f'username="{self.user}"',
            f'realm="{realm}"',
            f'nonce="{nonce}"',
            f'uri="{uri}"',
        ]
        if "qop" in told:
            self._count += 1
            count = f"{self._count:08x}"
            response = self._hash(f"{ours}:{nonce}:{count}:{cnonce}:auth:{theirs}")
            parts += ["qop=auth", f"nc={count}", f'cnonce="{cnonce}"']
        else:
            response = self._hash(f"{ours}:{nonce}:{theirs}")
        parts.append(f'response="{response}"')
        if "algorithm" in told:
            parts.append(f"algorithm={told['algorithm']}")
        if "opaque" in told:
            parts.append(f'opaque="{told["opaque"]}"')
        return f"Digest {', '.join(parts)}"

    def _hash(self, text: str) -> str:
        algorithm = HASHES[self._told.get("algorithm", "MD5").lower()]
        return algorithm(text.encode(), usedforsecurity=False).hexdigest()
