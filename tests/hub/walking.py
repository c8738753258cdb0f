"""Every route of the hub, as somebody who tries them all would address them."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from quart import Quart

from hub.access import RULE_ATTRIBUTE, Rule


@dataclass(frozen=True, slots=True)
class Step:
    """One method of one route. `path` has something in each place that is left open in `route`,
    and `rule` is what the route says of itself: None if it was forgotten."""

    method: str
    route: str
    path: str
    rule: Rule | None

    def __str__(self) -> str:
        return f"{self.method} {self.route}"


def walk(app: Quart) -> Iterator[Step]:
    """All of them, but for HEAD and OPTIONS, which are GET and nothing."""
    for rule in sorted(app.url_map.iter_rules(), key=str):
        found = getattr(app.view_functions[rule.endpoint], RULE_ATTRIBUTE, None)
        path = re.sub(r"<int:[^>]+>", "1", str(rule))
        path = re.sub(r"<[^>]+>", "nobody", path)
        for method in sorted((rule.methods or set()) - {"HEAD", "OPTIONS"}):
            yield Step(method, str(rule), path, found if isinstance(found, Rule) else None)
