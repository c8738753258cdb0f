"""Whose work is inside a built program: an SBOM (CycloneDX), and all licences in one file.

Runs in the environment that the program was made from: packaging/build.py calls it.
Exit code 1, with a list, where a licence is not known or does not let us pass the work on.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator
from pathlib import Path

import licences
from cyclonedx.contrib.license.factories import LicenseFactory
from cyclonedx.contrib.this.builders import this_component
from cyclonedx.model import Property
from cyclonedx.model.bom import Bom
from cyclonedx.model.component import Component, ComponentType
from cyclonedx.output import make_outputter
from cyclonedx.schema import OutputFormat, SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
from packageurl import PackageURL
from works import Work, page_works, program_works

NAME, LICENCE = "orca-agents", "MIT"
VERSION = SchemaVersion.V1_6
RULE = "=" * 78
INTRODUCTION = """\
Orca Agents is under the MIT licence. Inside of this package are also the works listed here, each
under its own licence, the text of which follows its name. sbom.cdx.json has the same list for
programs.
"""


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("inside", type=Path, help="the list that build.spec wrote")
    parser.add_argument("page", type=Path, help="the licences of the page's packages")
    parser.add_argument("folder", type=Path, help="where the two files go")
    parser.add_argument("--version", required=True)
    asked = parser.parse_args()
    entries = json.loads(asked.inside.read_text("utf-8"))
    works = sorted({*program_works(entries), *page_works(asked.page)}, key=lambda one: one.key)
    if wrong := [*_wrong(works)]:
        print("\n".join(wrong), file=sys.stderr)
        return 1
    (asked.folder / "sbom.cdx.json").write_text(sbom(works, asked.version), "utf-8")
    (asked.folder / "LICENCES.txt").write_text(notices(works), "utf-8")
    print(f"{len(works)} works of others inside, {sum(len(one.parts) for one in works)} in those")
    return 0


def sbom(works: list[Work], version: str) -> str:
    """The document. Raises ValueError where it does not follow CycloneDX's schema."""
    factory = LicenseFactory()
    program = Component(
        name=NAME,
        version=version,
        type=ComponentType.APPLICATION,
        bom_ref=NAME,
        purl=PackageURL("pypi", None, NAME, version),
        licenses=[factory.make_from_string(LICENCE)],
    )
    bom = Bom()
    bom.metadata.component = program
    bom.metadata.tools.components.add(this_component())
    for work in works:
        bom.components.add(_component(work, factory))
    bom.register_dependency(program, bom.components)
    document = make_outputter(bom, OutputFormat.JSON, VERSION).output_as_string(indent=1)
    if found := JsonStrictValidator(VERSION).validate_str(document):
        raise ValueError(f"the SBOM is not CycloneDX: {found}")
    return document


def notices(works: list[Work]) -> str:
    """Every licence with the work that it is of."""
    parts = [
        INTRODUCTION,
        *(f"{one.name} {one.version}: {one.licence}" for one in works),
        "",
    ]
    first: dict[str, Work] = {}
    for one in works:
        parts += [RULE, f"{one.name} {one.version}", f"Licence: {one.licence}", RULE, ""]
        if one.parts:
            listed = ", ".join(sorted(f"{part.name} {part.version}" for part in one.parts))
            parts += [f"It has inside: {listed}", ""]
        text = one.text.strip() or "(it comes without a text of its licence)"
        same = first.setdefault(text, one)
        parts += [text if same is one else f"The text is that of {same.name}, above.", ""]
    return "\n".join(parts)


def _component(work: Work, factory: LicenseFactory) -> Component:
    return Component(
        name=work.name,
        version=work.version or None,
        type=ComponentType.LIBRARY,
        bom_ref=work.purl or f"{work.origin}:{work.name}@{work.version}",
        purl=PackageURL.from_string(work.purl) if work.purl else None,
        licenses=[factory.make_from_string(work.licence)] if work.licence else [],
        properties=[Property(name="orca-agents:origin", value=work.origin)],
        components=[_part(work, part, factory) for part in work.parts],
    )


def _part(work: Work, part: Work, factory: LicenseFactory) -> Component:
    inner = _component(part, factory)
    inner.bom_ref.value = f"{work.name}/{inner.bom_ref.value}"  # two wheels may hold the same
    return inner


def _wrong(works: list[Work]) -> Iterator[str]:
    for one in works:
        if not one.licence:
            yield f"{one.name} {one.version} ({one.origin}): its licence is not known"
        elif not licences.may_be_passed_on(one.licence):
            yield f"{one.name} {one.version} ({one.origin}): {one.licence} is not among the allowed"


if __name__ == "__main__":
    sys.exit(main())
