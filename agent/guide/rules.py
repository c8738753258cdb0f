"""From a question to search terms, from found entries to passages and an answer."""

import math
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

MAX_TERMS = 16
MAX_QUESTION = 4000
PREFIX_FROM = 4
PAIR_WEIGHT = 0.6
COVERAGE_OF_ONE = 0.6
COVERAGE_OF_SEVERAL = 0.34
COVERAGE_WITH_CORE = 0.25
SHOWN_IN_FULL = 3
FURTHER_TITLES = 5

_WORD = re.compile(r"[^\W_]+")
_SHORT_FORM = re.compile(r"'(?:s|re|ve|ll|d|m|t)\b")
_PLUS = re.compile(r"(?<=\w)\+")
_AXES = frozenset("xyzek")
_GREETINGS = """
bonjour bye ciao day evening goodbye good greetings hallo hello hey hi hiya hola howdy moin morning
afternoon ok okay salut servus thank thanks there yo you
"""
_STOP = """
about actually after again ago all along also always am an and any anyone anything are aren as ask
at avoid away back badly be became because become been before being best better between bit both but
by came can cannot cause caused causes come comes coming could couldn currently did didn do does
doesn doing don done each either else enough especially etc even ever every everything everywhere
explain few fine fix fixed fixing for from gave get gets getting give gives go goes going gone good
got great had happen happened happening happens hardly has have having he hello help her here hey hi
him his how however idea if improve in into is isn issue issues it its itself just keep keeps kept
kind know let like likely little ll look looking looks lot lots made make makes making many may
maybe me mean might mine more most much must my near need needs never new no none not nothing now of
off often ok okay on once one only or other otherwise ought our out own people perhaps please
possible prevent probably problem problems proper properly put quite rather re real really reason
recommend recommended rid right said same say see seem seems seen several shall she should so solve
solved some someone something sometimes somewhat sort still stuff such suddenly sure take takes tell
than thank thanks that the their them then there these they thing things think this those though
through to today together too toward towards tried trouble try trying two understand until up upon
us use used useful using usually very want wants was wasn way we well went were weren what whatever
when where whether which while who whole whose why will with within without won wonder work works
would wouldn write wrong yes yesterday yet you your yours
"""
# Names of printers, which the entries do not go into.
_PRINTERS = """
a1 a1m adventurer ankermake anycubic artillery bambu bambulab centauri cr creality elegoo ender
flashforge flsun h2d k1 k1c kobra lab mega mini mk3 mk3s mk4 neptune p1p p1s p2s prusa pro qidi
ratrig saturn snapmaker sovol sv06 sv08 v2 v3 v4 voron x1 x1c xl
"""
# Such words say nothing of what is asked, yet they matter in pairs: first layer, over extrusion.
# So do the names of axes: z offset, k factor, e steps.
_WEAK = """
3d best can first last over print printed printer printers printing prints set sets setting settings
under value values weather
"""
_GREETING_WORDS = frozenset(_GREETINGS.split())
_WEAK_WORDS = frozenset(_WEAK.split()) | _AXES
_STOP_WORDS = frozenset((_STOP + _PRINTERS).split()) - _WEAK_WORDS
# The entries say it in the slicer's word.
_SAME = {"tune": "calibrate", "tuned": "calibrated", "tuning": "calibration"}

EXAMPLES = (
    "Why does PETG string?",
    "How do I find the right pressure advance?",
    "My print lifts off the bed at the corners.",
)


@dataclass(frozen=True, slots=True)
class Passage:
    """A piece of an entry in whole sentences. `score` is higher for a better match."""

    ref: str
    title: str
    topic: str
    text: str
    score: float
    tags: tuple[str, ...]
    related: tuple[str, ...] = ()


class Term(NamedTuple):
    """One FTS5 expression of a question. A pair lifts entries that hold two words together."""

    match: str
    is_pair: bool = False


class Hit(NamedTuple):
    """How well one term fits one passage.

    `in_head`: its title, tags or keys hold the term. `in_core`: the term is a word of the trade,
    such as PETG, that makes a question fit by itself.
    """

    row: int
    entry: int
    score: float
    in_head: bool
    in_core: bool


class Found(NamedTuple):
    """Every passage that one term fits: row and score, by the entry that it is of."""

    rows: Mapping[int, Sequence[tuple[int, float]]]
    entries: frozenset[int]
    in_head: frozenset[int]
    in_core: frozenset[int]


def found(hits: Iterable[Hit]) -> Found:
    """`hits` by their entries, once for all the questions that hold the term."""
    hits = tuple(hits)
    rows: dict[int, list[tuple[int, float]]] = {}
    for hit in hits:
        rows.setdefault(hit.entry, []).append((hit.row, hit.score))
    return Found(
        rows,
        frozenset(rows),
        frozenset(hit.entry for hit in hits if hit.in_head),
        frozenset(hit.entry for hit in hits if hit.in_core),
    )


def terms(question: str) -> list[Term]:
    """The terms of a question, each a valid FTS5 expression whatever was typed."""
    words = _words(question)
    singles: dict[str, None] = {}
    pairs: dict[str, None] = {}
    for before, word in zip([None, *words], words, strict=False):
        if word is None:
            continue
        if len(singles) >= MAX_TERMS:
            break
        if word not in _WEAK_WORDS:
            singles[_quoted(word)] = None
        if before is not None:
            pairs[f'"{before} {word}"'] = None
    return [Term(match) for match in singles] + [Term(match, is_pair=True) for match in pairs]


def fts_query(question: str) -> str:
    """All terms of a question joined by OR; empty if it holds nothing to search for."""
    return " OR ".join(term.match for term in terms(question) if not term.is_pair)


def _words(question: str) -> list[str | None]:
    """Meaningful words in lower case; None stands where words were left out."""
    text = question[:MAX_QUESTION].lower().replace("’", "'")
    text = _SHORT_FORM.sub(" ", text)
    text = _PLUS.sub(" plus ", text)
    words: list[str | None] = []
    for word in _WORD.findall(text):
        is_noise = word in _STOP_WORDS or (len(word) == 1 and word not in _AXES) or len(word) > 40
        words.append(None if is_noise else _SAME.get(word, word))
    return words


def _quoted(word: str) -> str:
    return f'"{word}"*' if len(word) >= PREFIX_FROM and word.isalpha() else f'"{word}"'


def is_greeting(question: str) -> bool:
    """True for words that only greet or thank."""
    words = _WORD.findall(question.lower())
    return 0 < len(words) <= 5 and all(word in _GREETING_WORDS for word in words)


def rank(by_term: Mapping[Term, Found], entry_count: int, *, limit: int) -> list[tuple[int, float]]:
    """The best row of each relevant entry with its score, best first."""
    covered = _coverage([one for term, one in by_term.items() if not term.is_pair], entry_count)
    rows_of = [(one.rows, PAIR_WEIGHT if term.is_pair else 1.0) for term, one in by_term.items()]
    best: list[tuple[float, int]] = []
    for entry, share in covered.items():
        scores: dict[int, float] = {}
        for rows, weight in rows_of:
            for row, score in rows.get(entry, ()):
                scores[row] = scores.get(row, 0.0) + score * weight
        row = max(scores, key=scores.__getitem__)
        best.append((-scores[row] * share, row))
    return [(row, -score) for score, row in sorted(best)[:limit]]


def _coverage(found: Sequence[Found], entry_count: int) -> dict[int, float]:
    """The share of the question that each relevant entry holds, rare words counting for more."""
    cores = frozenset[int]().union(*[one.in_core for one in found])
    relevant = cores.union(*[one.in_head for one in found])
    total = 0.0
    shares = dict.fromkeys(relevant, 0.0)
    terms_held = dict.fromkeys(relevant, 0)
    for one in found:
        # A word that no entry holds may be mere chat: it counts like one that six of them hold.
        weight = math.log(1 + entry_count / (1 + (len(one.entries) or 5)))
        total += weight
        for entry in relevant & one.entries:
            shares[entry] += weight
            terms_held[entry] += 1

    covered: dict[int, float] = {}
    for entry in relevant:
        needed = COVERAGE_OF_ONE if terms_held[entry] == 1 else COVERAGE_OF_SEVERAL
        share = shares[entry] / total
        if share >= (COVERAGE_WITH_CORE if entry in cores else needed):
            covered[entry] = share
    return covered


def answer(question: str, passages: Sequence[Passage], *, reason: str, advice: str) -> list[str]:
    """The answer that is given without a model, as pieces of Markdown that belong together.

    `reason` is a clause without a full stop, such as "No model is connected"; `advice` says
    in whole sentences what to do about it.
    """
    return list(_pieces(question, passages, reason.rstrip(". "), advice.strip()))


def _pieces(question: str, passages: Sequence[Passage], reason: str, advice: str) -> Iterator[str]:
    label = f"{reason}, so this comes from the built-in print guide, not from an AI model."
    yield f"*{label}* {advice}".rstrip() + "\n\n"
    if is_greeting(question):
        yield "Hello! The guide answers questions about printing. "
        yield _examples()
    elif not passages:
        yield "**The guide holds nothing that fits this question.** It covers print defects, "
        yield "materials, calibration, slicer settings and safety. "
        yield _examples()
    else:
        yield from _shown(passages)


def _shown(passages: Sequence[Passage]) -> Iterator[str]:
    shown = passages[:SHOWN_IN_FULL]
    for passage in shown:
        yield f"## {passage.title}\n\n"
        for paragraph in re.split(r"(?<=\n)\n+", passage.text + "\n\n"):
            if paragraph.strip():
                yield paragraph + "\n"

    titles = [passage.title for passage in passages[SHOWN_IN_FULL:]]
    titles += [title for passage in shown for title in passage.related]
    known = {passage.title for passage in shown}
    further = [title for title in dict.fromkeys(titles) if title not in known]
    if further:
        yield "**More in the guide:** " + " · ".join(further[:FURTHER_TITLES]) + "\n"


def _examples() -> str:
    return "Try for example:\n\n" + "\n".join(f"- {example}" for example in EXAMPLES) + "\n"
