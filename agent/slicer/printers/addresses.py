"""Which address a printer or its camera may have, and what people write for it."""

import ipaddress
from urllib.parse import urljoin, urlsplit

from agent.inference.addresses import METADATA_IPS, base_url, carried

BEHIND = {5000, 7125}  # the ports of OctoPrint and Moonraker themselves
LOOPBACK = {"127.0.0.1", "[::1]", "::1", "localhost"}


def printer_url(text: str) -> str:
    """`scheme://host:port[/path]`. Without a scheme it is http.

    Raises ValueError with a sentence, which does not repeat the text."""
    cleaned = text.strip().strip("\"'").strip()
    if not cleaned:
        raise ValueError("A printer has an address, such as http://192.168.1.20.")
    try:
        return base_url(cleaned if "://" in cleaned else f"http://{cleaned}")
    except ValueError as err:
        said = str(err).replace("address of Ollama", "address of a printer")
        said = said.replace("http://HOST:11434", "http://192.168.1.20")
        raise ValueError(said.replace("never models", "never a printer")) from None


def camera_url(text: str) -> str:
    """The address of a camera's single pictures: it may have a query, and its path is kept.

    Raises ValueError with a sentence."""
    cleaned = text.strip()
    try:
        parts = urlsplit(cleaned if "://" in cleaned else f"http://{cleaned}")
    except ValueError:
        raise ValueError("The address of the camera cannot be read.") from None
    origin = printer_url(f"{parts.scheme}://{parts.netloc}")
    return f"{origin}{parts.path or '/'}{'?' if parts.query else ''}{parts.query}"


def camera_of(printer: str, told: str) -> str:
    """Where a printer's own word for its camera leads, as seen from here.

    What a printer calls its own loopback address is the printer, and a path alone is at the web
    server in front of it. Raises ValueError for another host than the printer's: a printer must
    not send us around the network."""
    parts = urlsplit(printer)
    host = f"[{parts.hostname}]" if ":" in (parts.hostname or "") else parts.hostname
    front = (
        f"{parts.scheme}://{host}" if parts.port in BEHIND else f"{parts.scheme}://{parts.netloc}"
    )
    there = urlsplit(camera_url(urljoin(f"{front}/", told.strip())))
    if there.hostname in LOOPBACK and parts.hostname not in LOOPBACK:
        return there._replace(netloc=f"{host}:{there.port}").geturl()
    if there.hostname != parts.hostname:
        raise ValueError(
            "The printer names a camera on another host. Give the camera's address with the "
            "printer if that is right."
        )
    return there.geturl()


def is_loopback(url: str) -> bool:
    """Whether an address of `printer_url` is this computer."""
    host = urlsplit(url).hostname or ""
    if host in LOOPBACK or host.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def may_be_reached(ip: str) -> bool:
    """Whether a name may lead to this IP address: not to where clouds keep their metadata."""
    try:
        address = carried(ipaddress.ip_address(ip.partition("%")[0]))
    except ValueError:
        return False
    return not (
        address.is_link_local
        or address.is_multicast
        or address.is_unspecified
        or str(address) in METADATA_IPS
    )
