"""What doctor says of the hub of a team."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from agent.shared.findings import Check, good, warning
from agent.team.link_file import read_link


def hub_of(health: Mapping[str, Any]) -> Iterator[Check]:  # Any: JSON values
    """How the hub of the team stands, where the agent belongs to one."""
    team = health.get("team")
    if not team:
        return
    url, count = str(team["url"]), int(team["models_count"])
    if team["state"] == "ended":
        fix = f"Run `orca-agent team login {url}`."
        yield replace(warning("Hub", str(team["problem"]), fix), brief="it ended the sign-in")
    elif team["problem"] or not team["is_up"]:
        text = str(team["problem"] or f"{url} has not answered yet")
        fix = "Wait, or ask who runs it; `orca-agent team status` asks again."
        yield replace(warning("Hub", text, fix), brief="does not answer")
    else:
        found = good("Hub", f"{url}, signed in as {team['account']}; it offers {count}")
        yield replace(found, brief=f"answers, offers {count}")


def hub_at_rest(folder: Path) -> Iterator[Check]:
    """What is known of it while the agent does not run."""
    link = read_link(folder)
    if link is not None:
        text = f"{link.url}, signed in as {link.account}; asked while the agent runs"
        yield replace(good("Hub", text), brief="not asked")
