"""German questions in the words of the guide, whose entries are English."""

import re

# Words that no English question holds; one of them, or an umlaut, tells the language.
_TELLING = """
auf aus beim das dem der ein eine einem einen einer für habe ich ist kann kein keine mein meine
meinem meinen meiner nicht sich sie sind und vom wann warum welche welcher welches wenn wie
wieso wird woher womit zu zum zur zwischen über
"""
_UMLAUT = re.compile(r"[äöüß]")
_STOP = """
aber alle allem allen aller alles als also am an andere anderen auch auf aus bedeutet bei beim
bekomme bekommen beste besten bin bis bitte brauche brauchen braucht da dabei dafür dagegen
damit dann daran darf das dass dauert davon dazu dein dem den denn der des deshalb dich die dies
diese diesem diesen dieser dieses dir doch dort du durch eher ein eine einem einen einer eines
einfach einmal einstellen entstehen entsteht er erst es etwa etwas euch finde finden
funktioniert für ganz geben gegen gehen geht gerade gibt gut habe haben halt hat heißt helfen
hier hilfe hilft hätte hört ich ihm ihn ihr ihre im immer in ins ist ja jede jedem jeden jeder
jedes kann kannst kein keine keinen komme kommen kommt können könnte lange lassen liegt lässt
mache machen macht mal man manchmal mehr mein meine meinem meinen meiner meines meist mich mir
mit muss möchte müssen nach nehme nehmen neue neuem neuen neues nicht nichts noch nun nur ob
oder oft ohne passiert plötzlich probiere probieren problem probleme prüfe prüfen richtig
richtige richtigen richtiges schon sehe sehen sehr sein seine seit sich sie siehst sieht sind so
soll sollen sollte sollten sonst sowie stelle stellen stimmt ständig tun tut um und uns unter
verhindere verhindern vermeide vermeiden viel viele vom von vor wann war warum was wegen weil
weiß welche welchem welchen welcher welches wenig wenn wer werde werden weshalb wie wieder wieso
wieviel will wir wird wo woher womit woran wozu wurde würde würdest ziehen zieht zu zuerst zum
zur zwischen ändere ändern über überall
"""
# Beginnings of words, so that every case and most compounds are met; the longest counts.
_ENGLISH = {
    "abdeck": "top surface",
    "abheb": "lifts corners warping",
    "abkühl": "cooling",
    "ablös": "lifts bed",
    "abreiß": "breaks",
    "abstand": "gap",
    "allein": "unattended",
    "aufsicht": "unattended",
    "außen": "outdoor",
    "backofen": "oven",
    "becher": "cups",
    "beschleunigung": "acceleration",
    "bett": "bed",
    "bettnivellier": "level bed",
    "blas": "blobs",
    "bläschen": "blobs",
    "brand": "fire",
    "brechen": "break",
    "bricht": "break brittle",
    "brüchig": "brittle",
    "brück": "bridge",
    "deckschicht": "top surface",
    "dicht": "watertight",
    "draußen": "outdoor",
    "druck": "print",
    "druckbett": "bed",
    "druckplatte": "bed",
    "drucktemperatur": "temperature",
    "durchhäng": "sagging",
    "durchsatz": "flow",
    "dämpf": "fumes",
    "düse": "nozzle",
    "düsentemperatur": "nozzle temperature",
    "ecke": "corners",
    "einhausung": "enclosure",
    "elefantenfu": "elephant foot",
    "entfern": "remove",
    "entfeucht": "dry",
    "erste": "first",
    "extrudier": "extrusion",
    "faden": "string",
    "faser": "fibre",
    "fehlen": "missing",
    "fehlend": "missing",
    "feucht": "wet",
    "feuer": "fire",
    "filamentwechsel": "filament change",
    "fließrate": "flow rate",
    "fluss": "flow",
    "flussrate": "flow rate",
    "fäden": "stringing",
    "füllmuster": "infill pattern",
    "füllung": "infill",
    "gedruck": "printed",
    "gehäuse": "enclosure",
    "geist": "ghosting ringing",
    "geschwindigkeit": "speed",
    "giftig": "fumes",
    "glas": "glass",
    "glätte": "ironing",
    "glühen": "glow",
    "groß": "large",
    "haar": "hairs stringing",
    "haft": "stick adhesion",
    "heizbett": "bed",
    "hitze": "heat",
    "holz": "wood",
    "hotend": "hotend",
    "hält": "stick",
    "häng": "sagging drooping",
    "höhe": "height",
    "innen": "inside",
    "kalibrier": "calibrate",
    "klackert": "clicking extruder",
    "klackt": "clicking extruder",
    "kleb": "stick adhesion",
    "klein": "small",
    "klicken": "clicking extruder",
    "klickt": "clicking extruder",
    "klumpen": "blobs",
    "knack": "clicking crackling",
    "kohlefaser": "carbon fiber",
    "kühl": "cooling fan",
    "lager": "storage",
    "langsam": "slow",
    "lauf": "running",
    "lebensmittel": "food safe",
    "linie": "lines",
    "linienbreite": "line width",
    "loch": "hole",
    "löcher": "holes",
    "lös": "remove stuck",
    "löst": "lifts bed",
    "lücke": "gaps",
    "lüfter": "fan cooling",
    "maß": "dimensions",
    "maßhaltig": "dimensional accuracy",
    "modell": "part",
    "muster": "pattern",
    "nacht": "overnight",
    "nachtropf": "oozing",
    "naht": "seam",
    "nivellier": "level bed",
    "nähte": "seam",
    "oberfläche": "surface",
    "oberseite": "top surface",
    "pickel": "blobs zits",
    "platte": "bed",
    "plätten": "ironing",
    "profil": "preset",
    "rand": "brim",
    "rau": "rough surface",
    "reihenfolge": "order",
    "reinig": "clean",
    "riemen": "belts",
    "ringe": "ringing",
    "ruck": "jerk",
    "rückzug": "retraction",
    "sauber": "clean",
    "schatten": "ghosting ringing",
    "schicht": "layer",
    "schichthaftung": "layer adhesion bonds",
    "schichthöhe": "layer height",
    "schichtversatz": "layer shift",
    "schichtverschiebung": "layer shift",
    "schleif": "grinding",
    "schmilz": "melt",
    "schneller": "faster speed",
    "schraube": "screws",
    "schrumpf": "shrinkage",
    "schwach": "weak",
    "schwingung": "ringing",
    "sicher": "safe",
    "spröde": "brittle",
    "spule": "spool",
    "stabil": "strong",
    "stringt": "stringing",
    "strom": "electrical",
    "stärk": "strong",
    "stütz": "support",
    "stützstruktur": "support",
    "teil": "part",
    "temperatur": "temperature",
    "temperaturturm": "temperature tower",
    "toleranz": "tolerance",
    "trenn": "separate",
    "trock": "dry",
    "tropf": "oozing",
    "turm": "tower",
    "unbeaufsichtigt": "unattended",
    "unterextru": "under extrusion",
    "unterseite": "underneath bottom",
    "vase": "vase",
    "verbind": "bonds",
    "verformt": "warping",
    "versatz": "shift",
    "verschieb": "shift",
    "verschoben": "shift",
    "versetzt": "shift",
    "verstopf": "clogged nozzle",
    "verzieh": "warping",
    "verzug": "warping",
    "volumenstrom": "volumetric flow",
    "vorschub": "feed speed",
    "wand": "wall",
    "warm": "hot",
    "wasserdicht": "watertight",
    "wellen": "ringing ripples",
    "wellig": "ripples",
    "wände": "walls",
    "wärme": "heat",
    "wölb": "warping corners",
    "zahl": "number",
    "zeit": "time",
    "überextru": "over extrusion",
    "überhang": "overhang",
    "überhäng": "overhang",
}
_TELLING_WORDS = frozenset(_TELLING.split())
_STOP_WORDS = frozenset(_STOP.split())
_LONGEST = max(map(len, _ENGLISH))
_WORD = re.compile(r"[^\W_]+|[^\w]+|_")
_WORDS = re.compile(r"\w+")


def is_german(question: str) -> bool:
    text = question.lower()
    return bool(_UMLAUT.search(text)) or not _TELLING_WORDS.isdisjoint(_WORDS.findall(text))


def in_english(question: str) -> str:
    """A German question with its words of the trade in English and without its small words; what
    is a name, or English already, stays. A question in another language stays whole."""
    if not is_german(question):
        return question
    return "".join(map(_translated, _WORD.findall(question.lower())))


def _translated(word: str) -> str:
    if word in _STOP_WORDS:
        return "the"  # as small in English: it keeps words apart that stood apart
    for end in range(min(len(word), _LONGEST), 2, -1):
        if english := _ENGLISH.get(word[:end]):
            return english
    return word
