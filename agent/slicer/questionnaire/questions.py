"""The questions. Every defect of the guide is the end of at least one way."""

from agent.slicer.questionnaire.rules import Option, Question


def _to(question: str, label: str, picture: str) -> Option:
    return Option(question, label, picture, next=question)


def _is(defect: str, label: str, *others: str, picture: str | None = None) -> Option:
    return Option(defect, label, picture or defect, defects=(defect, *others))


_CRACKLES = Option(
    "crackles", "Yes, it crackles or steams", "wet-filament", defects=("wet-filament", "stringing")
)

QUESTIONS: tuple[Question, ...] = (
    Question(
        "start",
        "Where does it show, or when?",
        (
            _to("bed", "At the bed, in the first layers", "bed"),
            _to("walls", "On the side walls", "wall"),
            _to("top", "On the top", "top"),
            _to("overhangs", "On overhangs, bridges or supports", "sagging-overhangs"),
            _to("strings", "Threads or hairs between parts", "stringing"),
            _to("size", "Sizes do not fit, or details are missing", "dimensional-error"),
            _to("strength", "It breaks", "weak-layer-bonds"),
            _to("machine", "The printer stops, knocks, or lays no plastic", "machine"),
        ),
        "If several things are wrong, begin with the one nearest to the bed.",
    ),
    Question(
        "bed",
        "What happens at the bed?",
        (
            _is("warping", "Corners rise from the plate", "first-layer-adhesion"),
            _is("first-layer-adhesion", "Lines do not stick, or are dragged along"),
            _is("elephant-foot", "The lowest layers bulge outwards", "dimensional-error"),
            _is("stuck-to-bed", "The part cannot be taken off"),
            _is("spaghetti", "The part came loose, and threads lie about", "first-layer-adhesion"),
        ),
    ),
    Question(
        "walls",
        "What do the walls look like?",
        (
            _to("upright", "Upright or slanted lines, ripples", "upright-lines"),
            _to("level", "Level lines or steps", "level-lines"),
            _is("seam-visible", "One line like a zipper, from bottom to top", "blobs-and-zits"),
            _to("blobs", "Lumps, scattered", "blobs-and-zits"),
            _is("under-extrusion", "Gaps, thin lines, one can see through", "clogged-nozzle"),
            _is("over-extrusion", "Bulging lines, everything is thick", "dimensional-error"),
            _is("infill-showing", "The pattern of the infill shows through"),
            _is("color-bleed", "One colour runs into another"),
        ),
    ),
    Question(
        "upright",
        "What kind of lines?",
        (
            _is("ringing", "Ripples beside edges that fade away", "vfa"),
            _is("vfa", "Fine, even, upright lines everywhere", "ringing"),
            _is("salmon-skin-and-moire", "Slanted waves, like the skin of a fish", "vfa"),
        ),
        "Hold the part against a lamp.",
    ),
    Question(
        "level",
        "What kind of lines or steps?",
        (
            _is("layer-shift", "Everything above one height sits sideways", "nozzle-hits-print"),
            _is("z-banding", "Ridges at even distances, all around", "poor-surface"),
            _is("missing-layers", "A layer is missing or thin at one height", "under-extrusion"),
            _is("poor-surface", "Dull and shiny bands, a restless surface", "z-banding"),
        ),
    ),
    Question(
        "blobs",
        "Does the nozzle crackle or steam while printing?",
        (
            Option(
                "crackles",
                "Yes, it crackles or steams",
                "wet-filament",
                defects=("wet-filament", "blobs-and-zits"),
            ),
            Option("quiet", "No", "quiet", defects=("blobs-and-zits", "seam-visible")),
        ),
    ),
    Question(
        "top",
        "What does the top look like?",
        (
            _is("gaps-in-top", "Gaps between the lines, or along the wall", "under-extrusion"),
            _is("pillowing", "Bumps and holes that repeat the infill", "gaps-in-top"),
            Option(
                "ridges",
                "Ridges between the lines that a nail can feel",
                "ridges",
                defects=("over-extrusion", "scarring"),
            ),
            _is("scarring", "Scratches across", "over-extrusion"),
        ),
    ),
    Question(
        "overhangs",
        "What is wrong there?",
        (
            _is("sagging-overhangs", "The underside sags and is rough", "curling-overhangs"),
            _is("curling-overhangs", "The rim bends upwards while printing", "sagging-overhangs"),
            _is("poor-bridging", "Lines across a gap hang down", "sagging-overhangs"),
            _is("supports-fused", "Supports do not come off, or leave scars"),
            _is("spaghetti", "Threads in the air, nothing carried them", "sagging-overhangs"),
        ),
    ),
    Question(
        "strings",
        "Does the nozzle crackle or steam while printing?",
        (
            _CRACKLES,
            Option("quiet", "No", "quiet", defects=("stringing", "wet-filament")),
        ),
    ),
    Question(
        "size",
        "What does not fit?",
        (
            _is("dimensional-error", "Everything is too large or too small", "over-extrusion"),
            _is("holes-too-small", "Holes alone are too small", "dimensional-error"),
            _is("elephant-foot", "Only the bottom is too wide"),
            _is("thin-walls-missing", "Thin walls, pins or letters are missing"),
        ),
        "Measure after the part has cooled.",
    ),
    Question(
        "strength",
        "How does it break?",
        (
            _is("weak-layer-bonds", "Along the layers, or it cracks by itself", "wet-filament"),
            _is("under-extrusion", "The walls are spongy, with gaps", "weak-layer-bonds"),
            _is("missing-layers", "Always at the same height", "under-extrusion"),
            _is("brittle-filament", "The filament itself snaps"),
        ),
    ),
    Question(
        "machine",
        "What does the printer do?",
        (
            _to("flow", "Too little plastic comes, or none", "clogged-nozzle"),
            _is("print-stops", "It stands still, or goes on without plastic", "heat-creep"),
            _is("nozzle-hits-print", "It knocks or scrapes against the part", "curling-overhangs"),
            _is("wet-filament", "It crackles and steams", "stringing"),
            _is("brittle-filament", "The filament snapped on its way"),
        ),
    ),
    Question(
        "flow",
        "Since when, and how?",
        (
            _is(
                "clogged-nozzle", "From the start; the strand is thin or curls", "grinding-filament"
            ),
            _is("grinding-filament", "The extruder clicks; filament is chewed", "clogged-nozzle"),
            _is("heat-creep", "It began well, and stopped after a while", "clogged-nozzle"),
        ),
    ),
)
