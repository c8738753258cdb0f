"""Which model servers and models may be used on this computer, by its settings."""

import ipaddress
import re
from dataclasses import dataclass
from fnmatch import fnmatchcase
from urllib.parse import unquote, urlsplit

from agent.inference.addresses import base_url, carried
from agent.inference.rules import canonical_name
from agent.shared.errors import Denied

LOOPBACK_NAMES = {"localhost", "127.0.0.1", "[::1]"}


@dataclass(frozen=True, slots=True)
class Allowed:
    """Empty lists allow everything. Without `cloud` nothing leaves for servers that are neither
    on this computer nor in a private network, nor for models that an Ollama only passes on."""

    cloud: bool = True
    models: tuple[str, ...] = ()
    servers: tuple[str, ...] = ()

    @property
    def is_everything(self) -> bool:
        return self.cloud and not self.models and not self.servers

    def why_not_model(self, name: str, *, is_passed_on: bool = False) -> str | None:
        """Why a model may not be used; None if it may. `is_passed_on`: its Ollama said so."""
        known = canonical_name(name)
        if not self.cloud and (is_passed_on or _is_of_a_cloud(known)):
            return f"{name} runs in a cloud, which is off here (setting cloud)."
        if self.models and not any(_means(pattern, known) for pattern in self.models):
            names = ", ".join(self.models)
            return f"{name} is not among the models that are allowed here ({names})."
        return None

    def why_not_server(self, url: str) -> str | None:
        """Why a model server may not be asked, as far as its address tells; None if it may. Where
        a name leads is looked at when it is asked."""
        if not self.cloud and _is_an_address(url) and leads_out(urlsplit(url).hostname or ""):
            return f"{url} is outside this computer and its network, and the cloud is off here."
        if self.servers and not any(_covers(one, url) for one in self.servers):
            return f"{url} is not among the model servers that are allowed here."
        return None

    def check_model(self, name: str) -> None:
        """Raises Denied `not-allowed-here`."""
        if reason := self.why_not_model(name):
            raise Denied("not-allowed-here", reason, model=name)

    def check_server(self, url: str) -> None:
        """Raises Denied `not-allowed-here`."""
        if reason := self.why_not_server(url):
            raise Denied("not-allowed-here", reason)


def patterns(text: str) -> tuple[str, ...]:
    """Names of models as people list them; `*` stands for anything, within its limits."""
    return tuple(part.strip().lower() for part in text.split(",") if part.strip())


def servers(text: str) -> tuple[str, ...]:
    """Addresses as people list them. Raises ValueError with a sentence."""
    return tuple(base_url(part) for part in text.split(",") if part.strip())


def leads_out(address: str) -> bool:
    """Whether an IP address is outside this computer and every private network."""
    return carried(ipaddress.ip_address(address)).is_global


def _is_an_address(url: str) -> bool:
    try:
        ipaddress.ip_address(urlsplit(url).hostname or "")
    except ValueError:
        return False
    return True


def _is_of_a_cloud(name: str) -> bool:
    tag = name.rsplit("/", 1)[-1].partition(":")[2]
    return tag == "cloud" or tag.endswith("-cloud")


def _means(pattern: str, name: str) -> bool:
    """A pattern without a tag means every tag, and one without a slash no name that has one:
    what stands before it is where the model comes from. `*` alone means all."""
    if "/" in name and "/" not in pattern and pattern != "*":
        return False
    if fnmatchcase(name, pattern):
        return True
    has_tag = ":" in pattern.rsplit("/", 1)[-1]
    return not has_tag and fnmatchcase(name.rpartition(":")[0], pattern)


def _covers(allowed: str, url: str) -> bool:
    """The same host and port, however loopback is called, and a path below the allowed one."""
    if _may_lead_up(url):
        return False
    one, other = _parts(allowed), _parts(url)
    return one[:3] == other[:3] and f"{other[3]}/".startswith(f"{one[3]}/")


def _may_lead_up(url: str) -> bool:
    """Whether a part of its path, however it is written, could mean the folder above."""
    path = unquote(unquote(urlsplit(url).path))
    return any(part.partition(";")[0] in {".", ".."} for part in re.split(r"[/\\]", path))


def _parts(url: str) -> tuple[str, str, int | None, str]:
    parts = urlsplit(base_url(url))
    host = parts.hostname or ""
    shown = f"[{host}]" if ":" in host else host
    return (
        parts.scheme,
        "localhost" if shown in LOOPBACK_NAMES else host,
        parts.port,
        parts.path.rstrip("/"),
    )


EVERYTHING = Allowed()
