"""Whether the provider signed a token. Nothing in the token says how that is found out."""

import base64
import binascii
import json
from collections.abc import Collection
from typing import Any

from hub.oidc.provider import ProviderClient
from hub.oidc.rules import BadToken, Claims

LONGEST = 256 * 1024
LONGEST_HEADER = 4096
LONGEST_KEY_ID = 500
ID_TYPES = (None, "jwt")
LOGOUT_TYPES = (None, "jwt", "logout+jwt")


async def read_token(
    client: ProviderClient,
    token: object,
    algorithms: Collection[str],
    types: tuple[str | None, ...],
) -> tuple[str, Claims]:
    """The algorithm and the claims of a token that the provider signed. Raises BadToken, and
    Unavailable where its keys cannot be had."""
    from joserfc import jwt  # slow import
    from joserfc.errors import JoseError  # slow import
    from joserfc.jws import JWSRegistry  # slow import

    if not isinstance(token, str) or not token.isascii() or len(token) > LONGEST:
        raise BadToken("it is no token")
    header = _header_of(token)
    algorithm, key_id, kind = header.get("alg"), header.get("kid"), header.get("typ")
    if not isinstance(algorithm, str) or algorithm not in algorithms:
        raise BadToken("its algorithm is not one of oidc_algorithms")
    if not isinstance(key_id, str) or not 0 < len(key_id) <= LONGEST_KEY_ID:
        raise BadToken("it names no key")
    if "crit" in header or "b64" in header:
        raise BadToken("it wants something that the hub does not know")
    if (kind.lower() if isinstance(kind, str) else kind) not in types:
        raise BadToken("it is a token of another kind")
    key = await client.key(key_id, algorithm)
    registry = JWSRegistry(algorithms=[algorithm], strict_check_header=False)
    registry.max_header_length, registry.max_payload_length = LONGEST_HEADER, LONGEST
    try:
        claims = jwt.decode(token, key, algorithms=[algorithm], registry=registry).claims
    except (JoseError, ValueError, TypeError, RecursionError):
        raise BadToken("its signature is wrong") from None
    return algorithm, claims


def _header_of(token: str) -> dict[str, Any]:  # Any: JSON values
    first, *rest = token.split(".")
    if len(rest) != 2 or len(first) > LONGEST_HEADER:
        raise BadToken("it is no token")
    try:
        header = json.loads(base64.urlsafe_b64decode(first + "=" * (-len(first) % 4)))
    except (binascii.Error, ValueError, RecursionError):
        raise BadToken("it is no token") from None
    if not isinstance(header, dict):
        raise BadToken("it is no token")
    return header
