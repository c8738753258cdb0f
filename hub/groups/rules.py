"""What a group may be called."""

import unicodedata

LONGEST = 200


def checked_name(text: object) -> str:
    """As it is kept and shown. Raises ValueError with a sentence."""
    name = unicodedata.normalize("NFC", text).strip() if isinstance(text, str) else ""
    if not 0 < len(name) <= LONGEST or any(unicodedata.category(one)[0] == "C" for one in name):
        raise ValueError(f"A group's name has 1 to {LONGEST} characters, and none of control.")
    return name
