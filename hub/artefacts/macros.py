"""G-code of printers as people write it: macros of Klipper, and OrcaSlicer's placeholders."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

SECTION = re.compile(r"^\[([^\]]*)\]\s*(?:[#;].*)?$")
KLIPPER_TAG = re.compile(r"\{%-?\s*(\w+)?(.*?)-?%\}", re.DOTALL)
ENDS = {"endif": "if", "endfor": "for", "endmacro": "macro", "endset": "set", "endraw": "raw"}
OPENING = {"if", "for", "macro", "raw"}
KNOWN = {"if", "elif", "else", "for", "set", "macro", "do", "raw", "include", "import", "from"}
ORCA_WORD = re.compile(r"\s*(if|elsif|else|endif)\b")
BRACKETS = {")": "(", "]": "[", "}": "{"}


@dataclass(frozen=True, slots=True)
class Finding:
    """What is wrong where, for the person who wrote the file or had it written."""

    line: int
    text: str


def macro_findings(content: str, *, is_klipper: bool) -> list[Finding]:
    """Blocks and brackets that are not closed. Nothing is run."""
    plain = _without_comments(content, is_klipper=is_klipper)
    if is_klipper or "{%" in plain:
        found = [*_klipper_tags(plain), *_expressions(KLIPPER_TAG.sub(_blank, plain))]
        return sorted([*found, *(_sections(plain) if is_klipper else ())], key=lambda one: one.line)
    return sorted([*_orca_blocks(plain), *_expressions(plain)], key=lambda one: one.line)


def looks_like_klipper(content: str) -> bool:
    """By its sections: endings say little, since .cfg is anybody's."""
    return re.search(r"^\[(gcode_macro|printer|extruder|mcu|stepper_)", content, re.M) is not None


def _without_comments(content: str, *, is_klipper: bool) -> str:
    """The same lines and places, with blanks for what nobody reads."""
    signs = ";#" if is_klipper else ";"
    lines = content.splitlines()
    for index, line in enumerate(lines):
        at = next((i for i, sign in enumerate(line) if sign in signs and _stands_free(line, i)), -1)
        if at >= 0:
            lines[index] = line[:at]
    return "\n".join(lines)


def _stands_free(line: str, at: int) -> bool:
    """A comment begins a line or stands behind a blank; `#` of colours and keys does not."""
    before = line[:at]
    is_quoted = before.count('"') % 2 == 1 or before.count("'") % 2 == 1
    is_first = not before.strip()
    return is_first or (not is_quoted and (line[at] == ";" or before[-1] in " \t"))


def _klipper_tags(text: str) -> Iterator[Finding]:
    opened: list[tuple[str, int]] = []
    for tag in KLIPPER_TAG.finditer(text):
        word, line = tag[1] or "", text.count("\n", 0, tag.start()) + 1
        if word in OPENING or (word == "set" and "=" not in tag[2]):
            opened.append((word, line))
        elif problem := _klipper_problem(word, [one for one, _ in opened]):
            yield Finding(line, problem)
        elif word in ENDS:
            opened.pop()
    for word, line in opened:
        yield Finding(line, f"{{% {word} %}} is never closed.")
    left = KLIPPER_TAG.sub(_blank, text)
    for sign in ("{%", "%}"):
        if (at := left.find(sign)) >= 0:
            yield Finding(left.count("\n", 0, at) + 1, f"A tag with {sign} is not complete.")


def _klipper_problem(word: str, opened: list[str]) -> str | None:
    innermost = opened[-1] if opened else ""
    if word in ENDS:
        is_right = innermost == ENDS[word]
        return None if is_right else f"{{% {word} %}} closes nothing that is open here."
    if word in {"elif", "else"} and innermost not in {"if", "for"}:
        return f"{{% {word} %}} stands outside of an if."
    return None if word in KNOWN else f"{{% {word} %}} is no tag of Jinja."


def _orca_blocks(text: str) -> Iterator[Finding]:
    """{if ...} {elsif ...} {else} {endif}, as in PrusaSlicer and OrcaSlicer."""
    opened: list[tuple[int, bool]] = []  # the line, and whether its else has come
    for start, inner in _placeholders(text):
        word, line = ORCA_WORD.match(inner), text.count("\n", 0, start) + 1
        name = word[1] if word else ""
        if name == "if":
            opened.append((line, False))
        elif name and not opened:
            yield Finding(line, f"{{{name}}} stands outside of an {{if}}.")
        elif name == "endif":
            opened.pop()
        elif name and opened[-1][1]:
            yield Finding(line, f"{{{name}}} stands behind the {{else}} of its {{if}}.")
        elif name == "else":
            opened[-1] = (opened[-1][0], True)
    for line, _ in opened:
        yield Finding(line, "{if} is never closed by {endif}.")


def _placeholders(text: str) -> Iterator[tuple[int, str]]:
    for found in re.finditer(r"\{([^{}]*)\}", text):
        yield found.start(), found[1]


def _expressions(text: str) -> Iterator[Finding]:
    """Brackets of expressions that do not come in pairs; words outside of them are G-code."""
    stack: list[tuple[str, int]] = []
    line, quote = 1, ""
    for sign in text:
        if sign == "\n":
            line, quote = line + 1, ""
        elif quote:
            quote = "" if sign == quote else quote
        elif sign in "\"'" and stack and stack[0][0] == "{":
            quote = sign
        elif sign == "{" or (sign in "([" and stack and stack[0][0] == "{"):
            stack.append((sign, line))
        elif sign in BRACKETS and (sign == "}" or stack):
            if stack and stack[-1][0] == BRACKETS[sign]:
                stack.pop()
            elif sign == "}" or (stack and stack[0][0] == "{"):
                yield Finding(line, f"{sign} closes nothing that is open here.")
                stack = []
    for sign, where in stack:
        yield Finding(where, f"{sign} is never closed.")


def _sections(text: str) -> Iterator[Finding]:
    macro: tuple[str, int] | None = None
    has_gcode = True
    for number, line in enumerate([*text.split("\n"), "[end]"], 1):
        if section := SECTION.match(line):
            if macro and not has_gcode:
                yield Finding(macro[1], f"[{macro[0]}] has no gcode:.")
            name = section[1].strip()
            macro = (name, number) if name.startswith("gcode_macro") else None
            if name == "gcode_macro":
                yield Finding(number, "[gcode_macro] has no name.")
            has_gcode = False
        elif re.match(r"gcode\s*[:=]", line):
            has_gcode = True


def _blank(found: re.Match[str]) -> str:
    return re.sub(r"[^\n]", " ", found[0])
