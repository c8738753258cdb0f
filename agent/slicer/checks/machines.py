"""What is known of printers by their name, where their preset does not say it."""

import re

# Frames without walls around the print. Some stand in an enclosure; the finding says so.
_OPEN = re.compile(
    r"\bender[- ]?\d|\bcr-?\d|\bA1\b|\bMK[234]\w*\b|\bMINI(?: IS|\+|\b)|\bkobra\b(?!\s*S1)"
    r"|\bneptune\b|\bSV0[1-7]\b|\bsidewinder\b|\bgenius\b|\bmega\b|\bswitchwire\b|\bkp3s\b",
    re.IGNORECASE,
)
_BOWDEN = re.compile(
    r"\bender[- ]?3(?![- ]?(?:S1|V3|V4))|\bender[- ]?5(?![- ]?S1)|\bCR-10(?![- ]?(?:SE|Smart Pro))"
    r"|\bCR-6\b|\bneptune[- ]2\b|\bkobra go\b|\bprusa mini|^MINI(?:IS)?$",
    re.IGNORECASE,
)
_SETS_ITS_OWN_ADVANCE = re.compile(r"\bbambu\b", re.IGNORECASE)


def is_open(model: str) -> bool:
    """Whether this printer is sold without an enclosure."""
    return bool(_OPEN.search(model))


def is_bowden(model: str) -> bool:
    """Whether this printer is sold with its extruder away from the hot end."""
    return bool(_BOWDEN.search(model))


def sets_its_own_advance(model: str) -> bool:
    """Whether the printer measures pressure advance by itself."""
    return bool(_SETS_ITS_OWN_ADVANCE.search(model))
