"""Which address a model server may have, and what people write for it."""

import ipaddress
import re
import socket
from urllib.parse import SplitResult, urlsplit

OLLAMA_PORT = 11434
METADATA = {"metadata", "metadata.google.internal", "instance-data", "instance-data.ec2.internal"}
NAT64 = ipaddress.IPv6Network("64:ff9b::/96")
METADATA_IPS = {"100.100.100.200", "168.63.129.16", "fd00:ec2::254"}
HOST = re.compile(r"[a-z0-9_]([a-z0-9_.-]*[a-z0-9_])?\.?", re.ASCII)


def openai_url(text: str) -> str:
    """The address of an OpenAI-shaped API: with its scheme, and `/v1` where it has no path.

    Raises ValueError with a sentence, as `base_url`."""
    if "://" not in text:
        raise ValueError("The address of an OpenAI-shaped server begins with http:// or https://.")
    try:
        url = base_url(text)
    except ValueError as err:
        raise ValueError(str(err).replace(" of Ollama", " of a model server")) from None
    scheme, _, rest = url.partition("://")
    return url if "/" in rest else f"{scheme}://{rest}/v1"


def base_url(text: str) -> str:
    """`scheme://host:port[/path]` for an address, in every form that OLLAMA_HOST may have.

    Like Ollama: without a scheme the port is 11434 (also in place of one that is none), with
    one it is the scheme's. An address that means "all interfaces" becomes loopback. Raises
    ValueError with a sentence for a scheme, host or part that has no place here; the sentence
    does not repeat the text, which may hold a password.
    """
    cleaned = text.strip().strip("\"'").strip()
    if re.search(r"[\s\x00-\x1f\\]", cleaned):
        raise ValueError("An address of Ollama holds no spaces.")
    has_scheme = "://" in cleaned
    parts = _split(cleaned if has_scheme else f"http://{_bracketed(cleaned)}")
    if parts.scheme not in {"http", "https"}:
        raise ValueError("An address of Ollama begins with http:// or https://.")
    if "@" in parts.netloc:
        raise ValueError("An address of Ollama holds no user name or password.")
    if parts.query or parts.fragment:
        raise ValueError("An address of Ollama ends with its path: no ? and no #.")
    port = _port(parts, strict=has_scheme)
    if port is None:
        port = {"http": 80, "https": 443}[parts.scheme] if has_scheme else OLLAMA_PORT
    return f"{parts.scheme}://{_host(parts.hostname or '')}:{port}{parts.path.rstrip('/')}"


def _split(url: str) -> SplitResult:
    try:
        return urlsplit(url)
    except ValueError:
        raise ValueError("The address of Ollama cannot be read. Try http://HOST:11434.") from None


def _bracketed(text: str) -> str:
    """Puts the brackets around a bare IPv6 address."""
    try:
        ipaddress.IPv6Address(text)
    except ValueError:
        return text
    return f"[{text}]"


def _port(parts: SplitResult, *, strict: bool) -> int | None:
    try:
        port = parts.port
    except ValueError:
        port = 0
    if port == 0 and strict:
        raise ValueError("The port of an address is a number from 1 to 65535.")
    return port or None


def _host(name: str) -> str:
    address = _ip(name)
    if address is None:
        if name and (not HOST.fullmatch(name) or len(name) > 253):
            raise ValueError("The host in the address of Ollama is no name and no IP address.")
        if name.rstrip(".") in METADATA:
            raise ValueError("That host serves a cloud's metadata, never models.")
        return name or "127.0.0.1"
    if any(one.is_link_local or str(one) in METADATA_IPS for one in (address, carried(address))):
        raise ValueError("That address is link-local or serves a cloud's metadata, never models.")
    if address.is_multicast:
        raise ValueError("That address is a multicast group, never models.")
    if isinstance(address, ipaddress.IPv6Address):
        return "[::1]" if address.is_unspecified else f"[{address}]"
    return "127.0.0.1" if address.is_unspecified else str(address)


def carried(
    address: ipaddress.IPv4Address | ipaddress.IPv6Address,
) -> ipaddress.IPv4Address | ipaddress.IPv6Address:
    """The IPv4 address that networks take an IPv6 address for (6to4, NAT64), else itself."""
    if isinstance(address, ipaddress.IPv4Address):
        return address
    if address in NAT64:
        return ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    return address.ipv4_mapped or address.sixtofour or address


def _ip(name: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    """The address that the system's resolver would take `name` for, such as 0x7f.1."""
    try:
        return ipaddress.IPv4Address(socket.inet_aton(name))
    except (OSError, UnicodeError):
        pass
    try:
        address = ipaddress.IPv6Address(name)
    except ValueError:
        return None
    return address.ipv4_mapped or address
