"""Which language the user of this system reads."""

import os
import sys

from ui import rules

ENGLISH, GERMAN = "en", "de"
GERMAN_ID, PRIMARY = 0x07, 0x3FF  # of Windows' language numbers


def of_this_system() -> list[str]:
    """The names of languages, the one wanted most first; none if the system does not say."""
    if sys.platform == "win32":
        import ctypes  # platform only

        number = ctypes.windll.kernel32.GetUserDefaultUILanguage()
        return [GERMAN if number & PRIMARY == GERMAN_ID else ENGLISH]
    if sys.platform == "darwin":
        try:
            from Foundation import NSLocale  # platform only
        except ImportError:
            return rules.spoken(os.environ)
        return [str(name) for name in NSLocale.preferredLanguages()]
    return rules.spoken(os.environ)
