"""The small XML files of a project: the elements that are asked for, and nothing else."""

from collections.abc import Collection, Iterator
from dataclasses import dataclass, field

MOST_NODES = 50_000  # that are wanted
MOST_ELEMENTS = 500_000


class BadMarkup(Exception):
    """What is no XML, or XML that was made to do harm."""


@dataclass(frozen=True, slots=True)
class Node:
    """An element."""

    tag: str
    attributes: dict[str, str]
    children: list["Node"] = field(default_factory=list)

    def all(self, tag: str) -> Iterator["Node"]:
        """Children of this name."""
        return (child for child in self.children if child.tag == tag)

    def metadata(self) -> dict[str, str]:
        """What `<metadata key= value=>` say."""
        return {
            one.attributes["key"]: one.attributes.get("value", "")
            for one in self.all("metadata")
            if "key" in one.attributes
        }


class _Picking:
    """Takes elements of the wanted names, unless they are in one that is not wanted."""

    def __init__(self, wanted: Collection[str]) -> None:
        self.root = Node("", {})
        self._wanted = wanted
        self._open = [self.root]
        self._unwanted = self._nodes = self._elements = 0

    def start(self, tag: str, attributes: dict[str, str]) -> None:
        self._elements += 1
        if self._nodes == MOST_NODES or self._elements == MOST_ELEMENTS:
            raise BadMarkup("too many elements")
        if self._unwanted or tag not in self._wanted:
            self._unwanted += 1
            return
        self._nodes += 1
        node = Node(tag, dict(attributes))
        self._open[-1].children.append(node)
        self._open.append(node)

    def end(self, _tag: str) -> None:
        if self._unwanted:
            self._unwanted -= 1
        else:
            self._open.pop()

    def data(self, _text: str) -> None: ...

    def close(self) -> Node:
        return self.root


def read_markup(content: bytes, wanted: Collection[str]) -> Node:
    """The elements below a root that stands for the document. Raises BadMarkup."""
    from defusedxml import DefusedXmlException  # slow import
    from defusedxml.ElementTree import DefusedXMLParser, ParseError  # slow import

    picking = _Picking(wanted)
    parser = DefusedXMLParser(target=picking, forbid_dtd=True)
    try:
        parser.feed(content)
        parser.close()
    except (ParseError, DefusedXmlException, ValueError, LookupError) as err:
        raise BadMarkup(str(err)) from err
    return picking.root
