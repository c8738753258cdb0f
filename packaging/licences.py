"""Under which licence a work is, and whether packages may hold it."""

from __future__ import annotations

import re
from email.message import Message

from license_expression import ExpressionError, get_spdx_licensing

# With these the work may go along with ours, with its text beside it. The LGPL: as files of
# their own that can be replaced, which a folder gives. The GPL only with an exception for this.
ALLOWED = {
    *("0BSD", "Apache-2.0", "BSD-1-Clause", "BSD-2-Clause", "BSD-3-Clause", "BSL-1.0"),
    *("CC0-1.0", "HPND", "ICU", "IJG", "ISC", "MIT", "MIT-0", "MIT-CMU", "MPL-2.0", "PSF-2.0"),
    *("Python-2.0", "Unicode-3.0", "Unlicense", "X11", "Zlib", "blessing", "bzip2-1.0.6"),
    *("libpng-2.0", "libtiff", "FTL", "CNRI-Python", "OpenSSL", "curl", "Python-2.0.1"),
    *("LGPL-2.1-only", "LGPL-2.1-or-later", "LGPL-2.0-or-later", "LGPL-3.0-only"),
    *("LGPL-3.0-or-later", "AFL-2.1", "MPL-1.1", "Zlib-acknowledgement", "Libpng"),
    "GPL-2.0-or-later WITH Bootloader-exception",
    "GPL-3.0-or-later WITH GCC-exception-3.1",
    "GPL-3.0-only WITH Qt-GPL-exception-1.0",
}
WORDS = {
    "3-clause bsd license": "BSD-3-Clause",
    "apache 2.0": "Apache-2.0",
    "apache license 2.0": "Apache-2.0",
    "apache license, version 2.0": "Apache-2.0",
    "apache software license": "Apache-2.0",
    "apache": "Apache-2.0",
    "apache-2.0 license": "Apache-2.0",
    "bsd": "BSD-3-Clause",
    "bsd license": "BSD-3-Clause",
    "bsd-3-clause license": "BSD-3-Clause",
    "gplv2-or-later with a special exception which allows to use pyinstaller to build and "
    "distribute non-free programs (including commercial ones)": (
        "GPL-2.0-or-later WITH Bootloader-exception"
    ),
    "isc license": "ISC",
    "isc license (iscl)": "ISC",
    "mit license": "MIT",
    "mozilla public license 2.0 (mpl 2.0)": "MPL-2.0",
    "new bsd license": "BSD-3-Clause",
    "psf": "PSF-2.0",
    "python software foundation license": "PSF-2.0",
    "the unlicense (unlicense)": "Unlicense",
    "zlib/libpng license": "Zlib",
}
# Whose metadata say too little, or too much: looked up in their own files.
KNOWN = {
    "pyinstaller": "GPL-2.0-or-later WITH Bootloader-exception",
    "pyinstaller-hooks-contrib": "Apache-2.0",  # of what runs in the program; the rest stays out
}
# Debian's libraries that a program is linked with, by the beginning of the package's name.
SYSTEM = {
    "libbz2-": "bzip2-1.0.6",
    "libexpat": "MIT",
    "libffi": "MIT",
    "libgcc-s": "GPL-3.0-or-later WITH GCC-exception-3.1",
    "liblzma": "0BSD",
    "libsqlite3-": "blessing",
    "libssl": "Apache-2.0",
    "libstdc++": "GPL-3.0-or-later WITH GCC-exception-3.1",
    "libuuid": "BSD-3-Clause",
    "libzstd": "BSD-3-Clause",
    "libxcb-": "MIT",
    "libxkbcommon": "MIT",
    "libxkbfile": "MIT",
    "zlib1g": "Zlib",
}
_SPDX = get_spdx_licensing()


def of_distribution(name: str, told: Message) -> str:
    """The SPDX expression of a Python package by its metadata; empty where they do not say."""
    if name in KNOWN:
        return KNOWN[name]
    words = [told["License-Expression"] or "", told["License"] or ""]
    kinds = [line for line in told.get_all("Classifier", []) if line.startswith("License ::")]
    for word in words:
        if found := spdx(word):
            return found
    found = {spdx(kind.rpartition(" :: ")[2]) for kind in kinds} - {""}
    return " OR ".join(sorted(found)) if found else ""


def of_system(package: str) -> str:
    """The same for a library of the system by its package; empty where nobody looked it up."""
    fits = (licence for beginning, licence in SYSTEM.items() if package.startswith(beginning))
    return next(fits, "")


def spdx(words: str) -> str:
    """What is said, as SPDX writes it; empty where it is no licence that SPDX knows."""
    words = words.strip().removeprefix("(").removesuffix(")") if _is_wrapped(words) else words
    words = WORDS.get(" ".join(words.lower().split()), words.strip())
    if not words or len(words) > 200 or "\n" in words:
        return ""
    try:
        return str(_SPDX.parse(words, validate=True, strict=True))
    except ExpressionError:
        return ""


def may_be_passed_on(expression: str) -> bool:
    """Whether one of the alternatives is allowed, with every part of it."""
    alternatives = _SPDX.dnf(_SPDX.parse(expression)).render("{symbol.key}").split(" OR ")
    return any(
        all(part.strip("() ") in ALLOWED for part in one.split(" AND ")) for one in alternatives
    )


def _is_wrapped(words: str) -> bool:
    return re.fullmatch(r"\s*\([^()]*\)\s*", words) is not None
