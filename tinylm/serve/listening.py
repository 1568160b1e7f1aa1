"""The socket that a server listens on, bound before anything is loaded: a taken port is told at once."""

from __future__ import annotations

import errno
import os
import socket

from tinylm.base.errors import TinylmError


def bound_socket(host: str, port: int) -> socket.socket:
    """A socket at the address, which does not listen yet; TinylmError when it cannot be had."""
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
    except (OSError, UnicodeError) as error:
        raise TinylmError(f"--host is `{host}`, which is no address of this machine", _HOSTS) from error
    listening = socket.socket(family, kind, protocol)
    try:
        if os.name == "posix":  # else a port is taken for a minute after its server has ended
            listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind(address)
    except OSError as error:
        listening.close()
        raise _explained(error, host, port) from error
    return listening


_HOSTS = "127.0.0.1 is this machine alone, 0.0.0.0 is everybody who can reach it"


def url_of(listening: socket.socket) -> str:
    """`http://127.0.0.1:8000`; of an address that means all, the one that others reach this machine by."""
    host, port = listening.getsockname()[:2]
    if host in ("0.0.0.0", "::"):
        host = _own_address() or socket.gethostname()
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def _own_address() -> str | None:
    """This machine's in the network that leads outside: a phone may not know its name. Nothing is sent."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))  # an address for documentation, which nobody has (RFC 5737)
        except OSError:
            return None
        address: str = probe.getsockname()[0]
        return address


def _explained(error: OSError, host: str, port: int) -> TinylmError:
    if error.errno == errno.EADDRINUSE:
        holder = _holder(port)
        return TinylmError(
            f"port {port} of {host} is taken" + (f" by {holder}" if holder else ""),
            f"end that, or take another: --port {port + 1 if port < 65535 else 8000}",
        )
    if error.errno in (errno.EACCES, errno.EPERM):
        return TinylmError(f"port {port} is for root alone", "take one from 1024 on: --port 8000")
    if error.errno == errno.EADDRNOTAVAIL:
        return TinylmError(f"--host is `{host}`, which is no address of this machine", _HOSTS)
    return TinylmError(f"cannot listen on port {port} of {host}: {error.strerror}", "try another address or port")


def _holder(port: int) -> str | None:
    """Who listens on a port, where the system tells: `process 4711 (python3)`."""
    try:
        import psutil  # only an error needs it, and not every board has it

        for found in psutil.net_connections("tcp"):
            if found.status == psutil.CONN_LISTEN and found.laddr and found.laddr.port == port and found.pid:
                return f"process {found.pid} ({psutil.Process(found.pid).name()})"
    except Exception:  # whatever the system does not tell; the port is taken anyway
        pass
    return None
