"""The words of the pages: alike in every language, all of them used, and none left in the code."""

import json
import re
from collections import defaultdict
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest
from babel import Locale

from tests.house.markup import WEB, Piece, pieces
from tests.house.tree import tracked

WORDS = WEB / "lib/i18n"
PLURAL = re.compile(r"_(zero|one|two|few|many|other)$")
FILLED_IN = re.compile(r"\{\{.*?\}\}|</?\w+>")
CALL = re.compile(r"\bt\(")
WORD = re.compile(r"[^\W\d_]{2,}")
PROSE = re.compile(r"^[A-Z][a-z]+(?:[ .:,!?…]|$)|[a-zA-Z,.:;]{2,} [a-zA-Z“]{1,}|[a-z]{2,}…$")
READ_ALOUD = re.compile(
    r"^<[A-Z]|^<\S+ (?:aria-label|aria-description|title|placeholder|alt|label)>$"
)
# What is called so in every language.
NAMES = re.compile(
    r"\b(?:Orca ?Agents|OrcaSlicer|Ollama|OctoPrint|Moonraker|Windows|macOS|Linux|MIT|JSON)\b"
    r"|\b(?:Edge|Firefox|Chrome|Safari|Android|Python|Klipper)\b"
    r"|\b(?:kB|MB|GB|ms|mm|min)\b|\b\w+\.com/\w+\b"
)
# Keys of the keyboard, headers, what is typed in a terminal, selectors, media queries, markup.
NOT_WORDS = re.compile(
    r"^(?:Enter|Escape|Esc|Tab|Home|End|Shift|Ctrl|Alt|Delete|Page(?:Up|Down)|Arrow\w+|Key[A-Z])$"
    r"|^(?:Files|Accept|Content-Type|Idempotency-Key|Last-Event-ID|X-[\w-]+)$"
    r"|^(?:orca-agent|ollama|winget|brew|curl) |^\((?:hover|prefers|min)"
    r"|^<|^[a-z]+(?:, [a-z\[\]]+)+$"
)
# Of styles that would stay where they are when a language runs from right to left.
PHYSICAL = re.compile(
    r"\b(?:margin|padding|border)-(?:left|right)\b[^;]*;"
    r"|^\s+(?:left|right|float|text-align): *(?:left|right|[\d-])[^;]*;"
    r"|^\s+(?:padding|margin): (\S+) (\S+) (\S+) (?!\2;)\S+;",
    re.MULTILINE,
)
# Said to programs alone, or by them.
UNSEEN = {
    *("The agent did not answer.", "closed by this page", "noopener noreferrer"),
    *("file secrets.json", "as it is"),
}
WITHOUT_WORDS = ("types.ts", "schema.ts", "markdown/sanitise.ts")


@cache
def languages() -> dict[str, dict[str, dict[str, str]]]:
    """Language → area → key → words."""
    found: dict[str, dict[str, dict[str, str]]] = defaultdict(dict)
    for file in tracked():
        if file.suffix == ".json" and file.is_relative_to(WORDS):
            read = json.loads(file.read_text("utf-8"))
            found[file.parent.name][file.stem] = dict(_flat(read, ""))
    return found


def _flat(words: dict[str, object], before: str) -> Iterator[tuple[str, str]]:
    for key, value in words.items():
        if isinstance(value, dict):
            yield from _flat(value, f"{before}{key}.")
        else:
            yield f"{before}{key}", str(value)


def keys(area: dict[str, str]) -> dict[str, dict[str, str]]:
    """Key → plural form (or "") → words."""
    found: dict[str, dict[str, str]] = defaultdict(dict)
    for key, words in area.items():
        form = PLURAL.search(key)
        found[PLURAL.sub("", key)][form[1] if form else ""] = words
    return found


@cache
def sources() -> tuple[Path, ...]:
    return tuple(
        file
        for file in tracked()
        if file.is_relative_to(WEB)
        and file.suffix in {".svelte", ".ts"}
        and not file.as_posix().endswith(WITHOUT_WORDS)
        and not file.is_relative_to(WORDS)
    )


def test_every_language_has_the_words_of_english() -> None:
    english = languages()["en"]
    wanted = {(area, key) for area, words in english.items() for key in keys(words)}

    different = {
        language: wanted ^ {(area, key) for area, words in areas.items() for key in keys(words)}
        for language, areas in languages().items()
    }

    assert len(different) > 1
    assert different == {language: set() for language in languages()}


def test_words_are_filled_in_alike_in_every_language() -> None:
    different = [
        f"{language}/{area}: {key}"
        for language, areas in languages().items()
        for area, words in areas.items()
        for key, forms in keys(words).items()
        if {frozenset(_filled_in(one)) for one in forms.values()} != {_english(area, key)}
    ]

    assert different == []


def _filled_in(words: str) -> set[str]:
    """A form for one may say "one" instead of the number."""
    return {one for one in FILLED_IN.findall(words) if not one.startswith("{{count")}


def _english(area: str, key: str) -> frozenset[str]:
    forms = keys(languages()["en"].get(area, {})).get(key, {"": ""})
    return frozenset(_filled_in(next(iter(forms.values()))))


def test_plurals_have_every_form_of_their_language() -> None:
    incomplete = [
        f"{language}/{area}: {key} has {', '.join(sorted(forms))}"
        for language, areas in languages().items()
        for area, words in areas.items()
        for key, forms in keys(words).items()
        if set(forms) != {""} and set(forms) - {"zero"} != _plural_forms(language)
    ]

    assert incomplete == []


def _plural_forms(language: str) -> set[str]:
    """As the Unicode consortium tells them."""
    return {*Locale.parse(language, sep="-").plural_form.tags, "other"}


def test_german_is_set_as_german_is() -> None:
    """Its own quotation marks, and dots that stand apart from the words before them."""
    wrong = [
        f"{area}: {words}"
        for area, said in languages()["de"].items()
        for words in said.values()
        if re.search(r"[”\"]|“\w|\w…|\w\.\.\.", words)
    ]

    assert wrong == []


def test_no_words_are_kept_that_no_page_says() -> None:
    said, patterns = _said()
    unused = [
        f"{area}: {key}"
        for area, words in languages()["en"].items()
        for key in keys(words)
        if f"{area}:{key}" not in said
        and not (area == "common" and key in said)
        and not any(pattern.fullmatch(f"{area}:{key}") for pattern in patterns)
    ]

    assert unused == []


def _said() -> tuple[set[str], list[re.Pattern[str]]]:
    """What the sources name, and what they put together: `chat:state.${}`."""
    said = {piece.text for file in sources() for piece in pieces(file)}
    built = [one for one in said if "${}" in one and " " not in one]
    whole = [one if ":" in one else f"common:{one}" for one in built]
    return said, [
        re.compile(re.escape(one).replace(r"\$\{\}", "[^:]+")) for one in whole if "." in one
    ]


def test_no_words_are_left_in_the_code() -> None:
    literal = {
        _name(file): found
        for file in sources()
        if (found := [one for piece in pieces(file) if (one := _literal(piece))])
    }

    assert literal == {}


def test_the_layout_follows_the_line_of_reading() -> None:
    physical = [
        f"{_name(file)}: {found[0].strip()}"
        for file in tracked()
        if file.is_relative_to(WEB) and file.suffix in {".svelte", ".css"}
        for found in PHYSICAL.finditer(file.read_text("utf-8"))
    ]

    assert physical == []


def _name(file: Path) -> str:
    return file.relative_to(WEB).as_posix()


def _literal(piece: Piece) -> str:
    """The words of a piece that somebody would read untranslated; empty if there are none."""
    if piece.text in UNSEEN or NOT_WORDS.search(piece.text):
        return ""
    text = NAMES.sub("", piece.text.replace("${}", " ")).strip()
    if piece.place == "string":
        return piece.text if PROSE.search(text) else ""
    if piece.place == "text" or (READ_ALOUD.search(piece.place) and PROSE.search(text)):
        return text if WORD.search(re.sub(r"&\w+;", "", text)) else ""
    return ""


@pytest.mark.parametrize(
    ("source", "found"),
    [
        ("<p>Hello there</p>", ["Hello there"]),
        ('<p aria-label="Close it">{t("close")} <code>ls -l</code></p>', ["Close it"]),
        ("<p>{isOpen ? 'Close' : t('open')}: {size} MB</p>", ["Close"]),
        (
            "<script>// A word\nconst a = `Sent ${n} of it`;</script><b class='of it'></b>",
            ["Sent ${} of it"],
        ),
        ('<Icon name="arrow-down" label={t("chat:state.ready")} />', []),
    ],
)
def test_words_in_the_code_are_seen(tmp_path: Path, source: str, found: list[str]) -> None:
    file = tmp_path / "Some.svelte"
    file.write_text(source, "utf-8")

    assert [one for piece in pieces(file) if (one := _literal(piece))] == found
