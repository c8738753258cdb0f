"""Which port the agent listens on, and what to say if it is not the one that was asked for."""

import errno
import os
import socket
from contextlib import suppress
from dataclasses import dataclass

import psutil

HOST = "127.0.0.1"
NEIGHBOURS = 45  # 14480 is the hub's
WINDOWS_FORBIDDEN = 10013


@dataclass(frozen=True, slots=True)
class Bound:
    """A listening socket on loopback, and a sentence if its port is a substitute."""

    listener: socket.socket
    port: int
    notice: str | None = None


def bind(port: int) -> Bound:
    """The port, or the next free one; any free one for 0. Raises OSError if there is none."""
    try:
        return _bound(port)
    except OSError as err:
        if port == 0:
            raise
        reason = why(err, port)
    for candidate in [*range(port + 1, min(port + NEIGHBOURS, 65_535) + 1), 0]:
        with suppress(OSError):
            bound = _bound(candidate)
            return Bound(bound.listener, bound.port, notice(reason, port, bound.port))
    raise OSError(errno.EADDRINUSE, "there is no free port")


def notice(reason: str, wanted: int, got: int) -> str:
    """What follows from another port."""
    return (
        f"{reason} For this start the agent uses port {got}. "
        f"Addresses that were stored as http://{HOST}:{wanted} (OrcaSlicer's Device tab and "
        "print host) do not reach it meanwhile."
    )


def why(err: OSError, port: int) -> str:
    """Why the port cannot be had, in a sentence or two."""
    if getattr(err, "winerror", None) == WINDOWS_FORBIDDEN:
        return (
            f"Windows keeps port {port} for itself (`netsh int ipv4 show excludedportrange tcp` "
            "lists what it keeps; `net stop winnat` and then `net start winnat`, as "
            "administrator, usually frees it)."
        )
    if err.errno == errno.EADDRINUSE:
        return f"Port {port} is taken by another program{_holder(port)}."
    if err.errno == errno.EACCES:
        return f"Port {port} wants more rights than this user has."
    return f"Port {port} cannot be used ({os.strerror(err.errno or 0)})."


def _bound(port: int) -> Bound:
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    try:
        if os.name == "nt":
            # Without it another program may take the same port and read along.
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_EXCLUSIVEADDRUSE, 1)  # type: ignore[attr-defined,unused-ignore]  # platform only
        else:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((HOST, port))
        listener.listen()
    except OSError:
        listener.close()
        raise
    return Bound(listener, listener.getsockname()[1])


def _holder(port: int) -> str:
    """` (name, process 123)`, where the system tells."""
    with suppress(psutil.Error, OSError):
        for one in psutil.net_connections("tcp"):
            address = one.laddr  # an empty tuple for a socket that is not bound
            is_it = one.status == psutil.CONN_LISTEN and address and address.port == port
            if is_it and one.pid:
                return f" ({psutil.Process(one.pid).name()}, process {one.pid})"
    return ""
