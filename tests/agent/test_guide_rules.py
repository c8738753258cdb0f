"""What the built-in guide finds for a question, and what it says without a model."""

import json
from collections.abc import Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent.guide.documents import Entry, EntryError, parse_entry, passages_of
from agent.guide.rules import Passage, answer, fts_query, is_greeting, terms
from agent.guide.service import Guide
from agent.shared.errors import NotFound
from tests.house.tree import ROOT

QUESTIONS = [
    ("my print lifts off the bed at the corners", "warping"),
    ("PETG sticks too well to the glass", "stuck-to-bed"),
    ("why does PETG string?", "stringing"),
    ("My Ender 3 V2 is stringing badly", "stringing"),
    ("my print has hairs everywhere", "stringing"),
    ("hairy print", "stringing"),
    ("the print looks hairy with fine threads", "stringing"),
    ("z offset", "calibrate-z-offset"),
    ("e steps", "calibrate-extruder"),
    ("z wobble", "z-banding"),
    ("what is the k factor", "calibrate-pressure-advance"),
    ("how do I find the right pressure advance", "calibrate-pressure-advance"),
    ("Why are there gaps between the lines on my top surface?", "gaps-in-top"),
    ("The nozzle is clogged and nothing comes out", "clogged-nozzle"),
    ("my layers shifted halfway through the print", "layer-shift"),
    ("the bottom of my part is wider than the rest", "elephant-foot"),
    ("I see ripples next to the corners of the letters", "ringing"),
    ("My extruder makes a clicking noise", "grinding-filament"),
    ("What temperature should I print PLA at?", "pla"),
    ("how long do I have to dry nylon", "drying-and-storage"),
    ("Do I need an enclosure for ABS?", "enclosure"),
    ("which nozzle do I need for carbon fiber filament?", "nozzle-materials"),
    ("is it safe to print ABS in my bedroom?", "fumes-and-ventilation"),
    ("can I leave the printer running overnight?", "unattended-printing"),
    ("are printed cups food safe?", "food-contact"),
    ("how many walls should I use for a strong part?", "walls"),
    ("What infill pattern is the strongest?", "infill"),
    ("how do I get rid of the seam", "seam-visible"),
    ("the support is stuck to the model and won't come off", "supports-fused"),
    ("should I use tree supports for miniatures?", "supports-tree"),
    ("my holes are too small for the screws", "holes-too-small"),
    ("how do I calibrate the flow rate?", "calibrate-flow"),
    ("How to tune retraction?", "calibrate-retraction"),
    ("PID tuning", "calibrate-pid"),
    ("what is the max volumetric speed of my hotend", "calibrate-max-flow"),
    ("how much retraction do I need for a direct drive extruder", "retraction"),
    ("how do I level the bed?", "bed-levelling"),
    ("the first layer doesn't stick", "first-layer-adhesion"),
    ("Where do I set the z offset?", "calibrate-z-offset"),
    ("filament is popping and crackling", "wet-filament"),
    ("How do I smooth the top with ironing?", "ironing"),
    ("the print takes too long, how can I print faster", "speeds"),
    ("which filament is best for outdoor use in the sun", "asa"),
    ("my prints break along the layers", "weak-layer-bonds"),
    ("the fan speed for PETG", "cooling"),
    ("how do I calibrate e-steps?", "calibrate-extruder"),
    ("temperature swings on my hotend", "calibrate-pid"),
    ("the printer jams after an hour with PLA", "heat-creep"),
    ("tpu keeps jamming in my extruder", "tpu"),
    ("fine vertical lines on the walls", "vfa"),
    ("horizontal bands at regular heights", "z-banding"),
    ("bridges are drooping", "poor-bridging"),
    ("the overhangs look ugly underneath", "sagging-overhangs"),
    ("there are little blobs all over the surface", "blobs-and-zits"),
    ("nozzle scratches over the top and leaves marks", "scarring"),
    ("top surface has a quilted, bumpy look", "pillowing"),
    ("the infill is visible through the outer wall", "infill-showing"),
    ("the nozzle keeps knocking parts over", "nozzle-hits-print"),
    ("how do I use input shaping", "calibrate-input-shaping"),
    ("in what order should I calibrate a new filament?", "calibration-order"),
    ("too much purge waste when changing colors", "wipe-tower"),
    ("small text disappears when slicing", "thin-walls-missing"),
    ("heating failed error, printer halted", "thermal-runaway"),
    ("the filament snaps in the tube", "brittle-filament"),
    ("filament_max_volumetric_speed", "max-volumetric-speed"),
    ("what layer height for a 0.6 mm nozzle", "layer-height"),
    ("Is PLA toxic?", "fumes-and-ventilation"),
    ("How do I print PLA+?", "pla-plus"),
    ("small towers melt at the tip", "cooling"),
    ("should I lay the part flat or upright for strength?", "orientation"),
    ("why is my print so slow", "speeds"),
    ("print stopped in the middle", "print-stops"),
    ("M600 filament change", "filament-change"),
    ("is petg stronger than pla", "choosing-a-material"),
]
IN_GERMAN = [
    ("Warum zieht mein PETG Fäden, und was ändere ich zuerst?", "stringing"),
    ("Meine erste Schicht haftet nicht. Was prüfe ich?", "first-layer-adhesion"),
    ("Welche Temperatur probiere ich bei einem neuen PLA?", "pla"),
    ("Wie stelle ich Pressure Advance ein?", "calibrate-pressure-advance"),
    ("Woher kommt ein Schichtversatz?", "layer-shift"),
    ("Wie trockne ich Nylon, und wie lange?", "drying-and-storage"),
    ("Mein Druck löst sich an den Ecken vom Druckbett", "warping"),
    ("PETG klebt zu fest am Glasbett", "stuck-to-bed"),
    ("Die Düse ist verstopft und es kommt nichts heraus", "clogged-nozzle"),
    ("Die Stützen lassen sich nicht vom Modell lösen", "supports-fused"),
    ("Wie werde ich die Naht los?", "seam"),
    ("Die Löcher sind zu klein für die Schrauben", "holes-too-small"),
    ("Brauche ich für ABS ein Gehäuse?", "enclosure"),
    ("Darf ich den Drucker über Nacht unbeaufsichtigt laufen lassen?", "unattended-printing"),
    ("Welches Füllmuster ist am stabilsten?", "infill"),
    ("Wie kalibriere ich die Flussrate?", "calibrate-flow"),
    ("Mein Filament ist feucht und knackt", "wet-filament"),
    ("Was bringt Glätten der obersten Schicht?", "ironing"),
    ("Meine Drucke brechen zwischen den Schichten", "weak-layer-bonds"),
    ("Brücken hängen durch", "poor-bridging"),
    ("Der Extruder klackert", "grinding-filament"),
    ("Sind gedruckte Becher lebensmittelecht?", "food-contact"),
    ("Der Druck hat einen Elefantenfuß", "elephant-foot"),
    ("Wie viel Rückzug brauche ich bei einem Direct-Drive-Extruder?", "retraction"),
]
FOREIGN = [
    "",
    " ??? ",
    ":)",
    "hello",
    "hi there, how are you?",
    "thanks!",
    "write me a poem",
    "write me a poem about the sea",
    "what is the capital of France?",
    "who won the world cup in 2018?",
    "tell me a joke",
    "what's the weather like tomorrow",
    "what's the weather",
    "best pizza recipe",
    "how do I cook rice",
    "what is 17 times 23",
    "can you write a python script that sorts a list of strings?",
    "my PC crashes when I start Windows",
    "how do I contact customer service",
    "fix my car engine",
    "what is the meaning of life",
]
LABEL = "so this comes from the built-in print guide, not from an AI model."


@pytest.fixture(scope="module")
def guide() -> Iterator[Guide]:
    guide = Guide.open()
    yield guide
    guide.close()


@pytest.mark.parametrize(("question", "slug"), [*QUESTIONS, *IN_GERMAN])
def test_a_question_finds_its_entry_among_the_first_three(
    guide: Guide, question: str, slug: str
) -> None:
    found = [passage.ref for passage in guide.search(question, limit=3)]

    assert f"guide/{slug}" in found


@pytest.mark.parametrize(
    ("question", "slug"),
    [
        ("Why does my PETG string? x", "stringing"),
        ("stringing along x", "stringing"),
        ("layer shift in x", "layer-shift"),
        ("layer shift along the y axis", "layer-shift"),
    ],
)
def test_the_name_of_an_axis_leads_nowhere_by_itself(
    guide: Guide, question: str, slug: str
) -> None:
    found = [passage.ref for passage in guide.search(question, limit=3)]

    assert found[0] == f"guide/{slug}"
    assert "guide/warping" not in found


@pytest.mark.parametrize("language", ["en", "de"])
def test_the_questions_that_the_page_suggests_are_answered_first_of_all(
    guide: Guide, language: str
) -> None:
    words = ROOT / f"ui/web/src/lib/i18n/{language}/chat.json"
    suggested = json.loads(words.read_text("utf-8"))["questions"]

    answered = {name: guide.search(text, limit=1)[0].ref for name, text in suggested.items()}

    assert answered == {
        "stringing": "guide/stringing",
        "first-layer": "guide/first-layer-adhesion",
        "temperature": "guide/pla",
        "pressure-advance": {
            "en": "guide/calibrate-pressure-advance",
            "de": "guide/pressure-advance",  # "einstellen" is to set it, too
        }[language],
        "layer-shifts": "guide/layer-shift",
        "dry-nylon": "guide/drying-and-storage",
    }


@pytest.mark.parametrize("question", FOREIGN)
def test_what_is_no_question_about_printing_finds_nothing(guide: Guide, question: str) -> None:
    assert guide.search(question) == []


def test_petg_and_strings_find_the_defect_and_the_material(guide: Guide) -> None:
    found = [passage.ref for passage in guide.search("why does PETG string?", limit=3)]

    assert found[:2] == ["guide/stringing", "guide/petg"]


def test_passages_come_best_first_and_once_for_each_entry(guide: Guide) -> None:
    found = guide.search("how do I stop warping of ABS on the bed", limit=10)

    scores = [passage.score for passage in found]
    assert len(found) == 10
    assert scores == sorted(scores, reverse=True)
    assert len({passage.ref for passage in found}) == 10


def test_a_passage_is_a_part_of_its_entry_in_whole_blocks(guide: Guide) -> None:
    passage = guide.search("temperature tower formula")[0]

    entry = guide.entry(passage.ref)
    assert passage.text in entry.text
    assert (passage.title, passage.topic, passage.tags) == (entry.title, entry.topic, entry.tags)
    assert all(cut[0] not in "abcdefghijklmnopqrstuvwxyz,." for cut in passages_of(entry.text))


def test_a_limit_of_nothing_finds_nothing(guide: Guide) -> None:
    assert guide.search("stringing", limit=0) == []


def test_an_unknown_entry_is_not_found(guide: Guide) -> None:
    with pytest.raises(NotFound) as caught:
        guide.entry("guide/perpetual-motion")

    assert caught.value.code == "no-such-entry"


def test_a_closed_guide_can_be_searched_again() -> None:
    guide = Guide.open()
    before = guide.search("warping")
    guide.close()
    guide.close()

    assert guide.search("warping") == before
    guide.close()


@settings(max_examples=150, deadline=None)
@given(question=st.text(max_size=300))
def test_whatever_is_typed_is_a_valid_search(guide: Guide, question: str) -> None:
    guide.search(question)


ODDITIES = """
AND OR NOT NEAR NEAR( petg title: ^bed " * - + ( ) { } warp* ' ; -- z-hop PLA+ text rowid ß
\0 \ud7ff
"""
WORDS = st.sampled_from(ODDITIES.split())


@settings(max_examples=150, deadline=None)
@given(words=st.lists(WORDS, max_size=12))
def test_words_of_the_query_language_are_only_words(guide: Guide, words: list[str]) -> None:
    guide.search(" ".join(words))
    guide.search("".join(words))


def test_a_pasted_novel_is_cut_to_a_few_terms(guide: Guide) -> None:
    novel = " ".join(f"layer{n} bed{n}" for n in range(20_000))

    assert len([term for term in terms(novel) if not term.is_pair]) == 16
    assert guide.search(novel) == []


@pytest.mark.parametrize(
    ("question", "query"),
    [
        ("Why does PETG string?", '"petg"* OR "string"*'),
        ("z-hop", '"hop"'),
        ("it's the bed's fault", '"bed" OR "fault"*'),
        ('" OR 1=1 --', ""),
        ("first layer", '"layer"*'),
        ("???", ""),
    ],
)
def test_a_question_becomes_quoted_words(question: str, query: str) -> None:
    assert fts_query(question) == query


@pytest.mark.parametrize("words", ["hello", "Hi there!", "Good morning", "thank you", "ok thanks"])
def test_a_greeting_is_known_as_one(words: str) -> None:
    assert is_greeting(words)


@pytest.mark.parametrize("words", ["", "???", "hello, why does PETG string?", "warping"])
def test_a_question_is_not_a_greeting(words: str) -> None:
    assert not is_greeting(words)


def _passage(title: str, text: str = "Dry it first.", related: tuple[str, ...] = ()) -> Passage:
    return Passage("guide/" + title.lower(), title, "defects", text, 1.0, ("tag",), related)


def test_an_answer_says_first_that_no_model_made_it() -> None:
    passages = [_passage("Stringing", "Threads.\n\n1. Dry it.\n2. Cool it.", ("PETG",))]

    pieces = answer("q", passages, reason="No model is connected", advice="Install one.")

    assert "".join(pieces) == (
        f"*No model is connected, {LABEL}* Install one.\n\n"
        "## Stringing\n\nThreads.\n\n1. Dry it.\n2. Cool it.\n\n"
        "**More in the guide:** PETG\n"
    )


def test_an_answer_shows_three_entries_and_names_the_others() -> None:
    passages = [_passage(title) for title in "ABCDE"]

    text = "".join(answer("q", passages, reason="No model is connected", advice="Install one."))

    assert [line for line in text.splitlines() if line.startswith("## ")] == [
        "## A",
        "## B",
        "## C",
    ]
    assert text.endswith("**More in the guide:** D · E\n")


def test_an_answer_without_passages_says_what_can_be_asked() -> None:
    text = "".join(answer("poem", [], reason="No model is connected.", advice="Install one."))

    assert text == (
        f"*No model is connected, {LABEL}* Install one.\n\n"
        "**The guide holds nothing that fits this question.** It covers print defects, "
        "materials, calibration, slicer settings and safety. Try for example:\n\n"
        "- Why does PETG string?\n"
        "- How do I find the right pressure advance?\n"
        "- My print lifts off the bed at the corners.\n"
    )


def test_a_greeting_is_greeted_back() -> None:
    text = "".join(answer("Hello!", [], reason="No model is connected", advice="Install one."))

    assert text.startswith(f"*No model is connected, {LABEL}* Install one.\n\nHello! The guide ")


def test_the_examples_of_an_answer_find_something(guide: Guide) -> None:
    text = "".join(answer("?", [], reason="No model", advice=""))
    examples = [line[2:] for line in text.splitlines() if line.startswith("- ")]

    assert len(examples) == 3
    assert all(guide.search(example) for example in examples)


HEAD = "---\ntitle: Stringing\ntopic: defects\ntags: [strings, ooze]\n"


def test_an_entry_is_read_with_all_its_parts() -> None:
    source = f"{HEAD}keys: [z_hop]\nsee: [petg]\n---\n\nThreads: they hang.\n\n- dry\n"

    assert parse_entry("stringing", source) == Entry(
        ref="guide/stringing",
        title="Stringing",
        topic="defects",
        text="Threads: they hang.\n\n- dry",
        tags=("strings", "ooze"),
        keys=("z_hop",),
        see=("guide/petg",),
    )


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("title: A\n", "x: line 1 must be '---', the start of the front matter"),
        (HEAD, "x: the front matter has no closing '---'"),
        (HEAD + "---\n\n", "x: there is no text behind the front matter"),
        (HEAD + "colour: red\n---\nText.", "x: line 5: 'colour' is not one of title, topic, tags,"),
        (HEAD + "title: B\n---\nText.", "x: line 5: 'title' stands here twice"),
        (HEAD + "\n---\nText.", "x: line 5: expected 'name: value', found ''"),
        (HEAD + "keys: z_hop\n---\nText.", "x: line 5: 'keys' is a list: [one, two]"),
        (HEAD + "keys: [a, ]\n---\nText.", "x: line 5: 'keys' has an empty item"),
        (HEAD + "keys: [a, a]\n---\nText.", "x: line 5: 'keys' names an item twice"),
        ("---\ntitle: A\n---\nText.", "x: the front matter lacks topic, tags"),
        (HEAD.replace("defects", "love") + "---\nText.", "x: topic 'love' is not one of defects,"),
    ],
)
def test_a_badly_written_entry_is_refused_with_its_place(source: str, message: str) -> None:
    with pytest.raises(EntryError) as caught:
        parse_entry("x", source)

    assert str(caught.value).startswith(message)


def test_a_long_text_is_cut_between_blocks_into_pieces_of_like_size() -> None:
    steps = "\n".join(f"{n}. " + "word " * 20 for n in range(1, 16))
    text = f"Intro of the text.\n\n{steps}\n\nThe end of it."

    pieces = passages_of(text, words=120)

    assert [len(piece.split()) for piece in pieces] == [109, 126, 88]
    assert [piece[:3] for piece in pieces] == ["Int", "6. ", "12."]
    assert " ".join(" ".join(pieces).split()) == " ".join(text.split())
