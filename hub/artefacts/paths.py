"""Names of files that a model or a person gives: a way below a folder, and nothing else."""

import re
import unicodedata
from pathlib import PurePosixPath

MOST_CHARACTERS, MOST_PARTS, MOST_OF_A_PART = 200, 10, 100
FORBIDDEN = re.compile(r'[\x00-\x1f\x7f<>:"|?*\u200b-\u200f\u202a-\u202e\u2066-\u2069\ufeff]')
RESERVED = re.compile(r"(con|prn|aux|nul|com[0-9¹²³]|lpt[0-9¹²³])(\..*)?$", re.IGNORECASE)
DRIVE = re.compile(r"^[A-Za-z]:")
LANGUAGES = {
    "py": "python",
    "json": "json",
    "yaml": "yaml",
    "yml": "yaml",
    "toml": "toml",
    "gcode": "gcode",
    "g": "gcode",
    "gco": "gcode",
    "cfg": "klipper",
    "scad": "openscad",
    "sh": "bash",
    "bash": "bash",
    "ps1": "powershell",
    "js": "javascript",
    "mjs": "javascript",
    "ts": "typescript",
    "html": "html",
    "css": "css",
    "md": "markdown",
    "sql": "sql",
    "c": "c",
    "h": "c",
    "cpp": "cpp",
    "hpp": "cpp",
    "ino": "cpp",
    "rs": "rust",
    "go": "go",
    "java": "java",
    "xml": "xml",
    "svg": "xml",
    "ini": "ini",
    "csv": "csv",
    "txt": "text",
}
ALIASES = {
    "py": "python",
    "python3": "python",
    "yml": "yaml",
    "jinja": "klipper",
    "jinja2": "klipper",
    "klippercfg": "klipper",
    "g-code": "gcode",
    "scad": "openscad",
    "sh": "bash",
    "shell": "bash",
    "js": "javascript",
    "ts": "typescript",
    "c++": "cpp",
    "md": "markdown",
    "plaintext": "text",
    "plain": "text",
}
ENDINGS = {language: ending for ending, language in reversed(LANGUAGES.items())}


def clean_path(text: str) -> str | None:
    """The same way for every system, or None for what leads out of the folder, or is a file on
    no system that people have."""
    path = unicodedata.normalize("NFC", text.strip()).replace("\\", "/")
    if not path or path.startswith("/") or DRIVE.match(path) or path.endswith("/"):
        return None
    parts = [part for part in path.split("/") if part not in ("", ".")]
    path = "/".join(parts)
    if not parts or len(parts) > MOST_PARTS or len(path) > MOST_CHARACTERS:
        return None
    return path if all(map(_is_name, parts)) else None


def key_of(path: str) -> str:
    """Equal for paths that are the same file on a system that knows no capitals."""
    return unicodedata.normalize("NFC", path.casefold())


def clashes(path: str, others: list[str]) -> bool:
    """Whether a folder of one would be a file of another."""
    key = key_of(path)
    return any(
        one.startswith(f"{key}/") or key.startswith(f"{one}/") for one in map(key_of, others)
    )


def language_of(path: str, said: str = "") -> str:
    """By the ending, else by what was said, else text."""
    ending = PurePosixPath(path).suffix.lstrip(".").lower()
    if ending in LANGUAGES:
        return LANGUAGES[ending]
    return named_language(said) or "text"


def named_language(said: str) -> str:
    """The name by which it is known here; empty for what is no name."""
    name = said.strip().lower()
    return ALIASES.get(name, name) if re.fullmatch(r"[a-z0-9+#.-]{1,30}", name) else ""


def name_for(language: str, number: int) -> str:
    """For a file without a name."""
    return f"file-{number}.{ENDINGS.get(language, 'txt')}"


def _is_name(part: str) -> bool:
    return (
        part != ".."
        and len(part) <= MOST_OF_A_PART
        and not part.endswith((".", " "))
        and not part.startswith(" ")
        and not FORBIDDEN.search(part)
        and not RESERVED.match(part)
        and part.casefold() != ".git"
        and not any(unicodedata.category(sign) in ("Cs", "Cc", "Zl", "Zp") for sign in part)
    )
