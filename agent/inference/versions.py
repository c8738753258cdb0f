"""Which versions of Ollama are known to be unsafe."""

import re

# The first version without the flaw, and what the flaw lets others do.
FLAWS = (
    ((0, 1, 29), "web pages can use it (CVE-2024-28224)"),
    ((0, 17, 1), "whoever reaches it can read its memory (CVE-2026-7482)"),
    ((0, 20, 3), "a model from elsewhere can write outside its folder (CVE-2026-7020)"),
)
VERSION = re.compile(r"v?(\d{1,6})\.(\d{1,6})(?:\.(\d{1,6}))?(-\w*)?", re.ASCII)


def security_warning(version: str) -> str | None:
    """A sentence if this version of Ollama has a known flaw. One that cannot be read has none."""
    if not (found := VERSION.match(version)):
        return None
    number = tuple(int(part or 0) for part in found.groups()[:3])
    is_before_release = bool(found[4])
    flaws = [
        what for fixed, what in FLAWS if number < fixed or (number == fixed and is_before_release)
    ]
    if not flaws:
        return None
    return f"Ollama {version} is unsafe: {'; '.join(flaws)}. Update Ollama."
