"""Blanks secrets in what is logged: by the name of a field, and by what a value looks like."""

import re
from collections.abc import Mapping

BLANK = "[secret]"
_NAMES = re.compile(
    r"authorization|cookie|token|passw|secret|api[_-]?key|credential|ticket$|pairing_?code",
    re.IGNORECASE,
)
_COUNTS = re.compile(r"tokens$|_tokens_|tokens_per|token_ms$|token_seconds$", re.IGNORECASE)
_LOOKS = (
    re.compile(r"(?i)(\b(?:bearer|basic)\s+)[\w.~+/=-]{6,}"),
    re.compile(r"(?i)(\b(?:set-)?cookie\s*[:=]\s*)[^\r\n'\"]+"),
    re.compile(r"(?i)(\b(?:authorization|x-api-key)[\"']?\s*[:=]\s*[\"']?)[^\s\"',;}]+"),
    re.compile(
        r"(?i)((?:token|password|passwd|secret|api[_-]?key)[\"']?\s*[:=]\s*[\"']?)[^\s\"',;}&]+"
    ),
    re.compile(r"(/ui/ticket/)[^\s\"'?#]+"),
    re.compile(r"(://)[^/\s:@\"']+:[^/\s@\"']+(?=@)"),
    re.compile(r"()\bsk-[A-Za-z0-9_-]{8,}"),
    # Our own tokens, tickets and sessions: 256 bits as URL-safe base64.
    re.compile(r"()(?<![A-Za-z0-9_-])[A-Za-z0-9_-]{43}(?![A-Za-z0-9_-])"),
)
# One of these, in small letters, stands in whatever looks like a secret but our own.
_HINTS = (
    *("bearer", "basic", "cookie", "authorization", "token", "passw", "secret"),
    *("api_key", "api-key", "apikey", "/ui/ticket/", "://", "sk-"),
)


def redacted(text: str) -> str:
    """`text` with everything blanked that looks like a secret."""
    for look in _LOOKS[-1:] if _names_nothing(text) else _LOOKS:
        text = look.sub(rf"\g<1>{BLANK}", text)
    return text


def _names_nothing(text: str) -> bool:
    """Whether that is certain at a glance, as of nearly all lines of a log."""
    small = text.lower()
    # Patterns take some letters that are not ASCII for these.
    return text.isascii() and not any(hint in small for hint in _HINTS)


def without_secrets(value: object, name: str = "") -> object:
    """`value`, to any depth, with secrets blanked; `name` is the field that holds it."""
    if _NAMES.search(name) and not _COUNTS.search(name) and value not in (None, True, False):
        return BLANK
    if isinstance(value, str):
        return redacted(value)
    if isinstance(value, Mapping):
        return {str(key): without_secrets(item, str(key)) for key, item in value.items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        return [without_secrets(item) for item in value]
    return value if isinstance(value, (int, float, type(None))) else redacted(str(value))
