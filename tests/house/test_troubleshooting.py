"""The page of symptoms quotes what the program says, so that a search for it leads there."""

import re

from tests.house.tree import ROOT

PAGE = ROOT / "docs/pages/troubleshooting.md"
SPEAKING = (
    "agent/**/*.py",
    "packaging/*.py",
    "ui/*.py",
    "ui/web/src/lib/i18n/en/*.json",
)
JOINED = re.compile(r"[\"']\s*\n\s*f?[\"']")  # one text over several lines of Python
SHORTEST = 6


def test_every_sentence_that_is_quoted_is_one_of_the_programs() -> None:
    files = [file for pattern in SPEAKING for file in ROOT.glob(pattern)]
    said = "\n".join(JOINED.sub("", file.read_text("utf-8")) for file in files)
    heads = re.findall(r"^\*\*(.*)\*\*$", PAGE.read_text("utf-8"), re.MULTILINE)
    quoted = [text for head in heads for text in re.findall("“(.*?)”", head)]
    parts = [part.strip(" .,") for text in quoted for part in text.split("…")]

    assert quoted
    assert [part for part in parts if len(part) >= SHORTEST and part not in said] == []
