"""How a connection begins: prefaces, HELLO, and the login. A generator that does no I/O itself: it yields what to send
and is sent the frames that arrive."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Generator, Mapping, Optional, TypeVar

from . import _decode as d
from . import _frame as f
from . import _messages as m
from ._codes import AuthFailedError, AuthRequiredError, ConnectionError, ProtocolError
from ._scram import Scram
from ._url import Target
from ._version import __version__

T = TypeVar("T")

Steps = Generator[bytes, f.Frame, T]

# No frame of a sane server is smaller than this allows, and none of a client's needs more in flight.
LEAST_FRAME, MOST_IN_FLIGHT = 64 << 10, 1 << 16

SCRAM = "SCRAM-SHA-256"


@dataclass(frozen=True)
class Welcome:
    """What a server has said of itself and of the connection."""

    session: int
    version: str
    user: Optional[str]
    frame: int  # bytes of the largest body
    in_flight: int  # requests
    txns: int
    cursors: int
    compressed: bool
    next_id: int  # the first request id that is not used yet


def handshake(target: Target, inbox: f.Inbox) -> Steps[Welcome]:
    """Yields bytes to be sent, and is sent each frame that arrives; empty bytes ask for one more frame. It tells the
    inbox what the server has announced."""
    hello = m.hello(f"middb-python/{__version__}", target.keyspace, target.compress)
    reply = yield from _ask(1, hello, f.PREFACE)
    if reply.get("server") != "middb":
        raise ProtocolError(f"the server says that it is {reply.get('server')!r}, not middb")
    limits = d.to_map(reply.get("limits", {}))
    welcome = Welcome(
        session=d.to_uint(reply.get("session", 0)),
        version=d.to_str(reply.get("version", "")),
        user=d.to_str(reply.get("user") or "") or target.user,
        frame=_limit(limits, "frame", LEAST_FRAME, f.GREATEST_LIMIT),
        in_flight=_limit(limits, "in_flight", 1, MOST_IN_FLIGHT),
        txns=_limit(limits, "txns", 1, MOST_IN_FLIGHT),
        cursors=_limit(limits, "cursors", 1, MOST_IN_FLIGHT),
        compressed=target.compress and reply.get("compress") == "zlib",
        next_id=5,
    )
    inbox.compressed = welcome.compressed
    mechanisms = [d.to_str(name) for name in d.to_list(reply.get("mechanisms") or [])]
    if d.to_bool(reply.get("auth", False)) or (target.user is not None and SCRAM in mechanisms):
        yield from _login(target, mechanisms)
    if target.durability is not None:
        yield from _ask(4, m.set_durability(target.durability))
    inbox.limit = welcome.frame
    return welcome


def _login(target: Target, mechanisms: list[str]) -> Steps[None]:
    if target.user is None or target.password is None:
        missing = "a user and a password" if target.user is None else f"a password for the user {target.user!r}"
        raise AuthRequiredError(f"the server asks for {missing}", hint="give them in the URL or as arguments")
    if SCRAM not in mechanisms:
        raise AuthFailedError(f"the server wants a login by one of {mechanisms}; this client knows {SCRAM}", hint="")
    scram = Scram(target.user, target.password)
    reply = yield from _ask(2, m.auth(scram.first(), SCRAM))
    reply = yield from _ask(3, m.auth(scram.final(_data(reply))))
    scram.verify(_data(reply))
    if reply.get("done") is not True:
        raise ProtocolError("the server goes on with a login that is over")


def _ask(number: int, request: m.Request[T], before: bytes = b"") -> Steps[T]:
    reply = yield before + f.frame(request.type, number, request.body)
    while reply.type == f.NOTICE:
        reply = yield b""
    if reply.id != number and not (reply.id == 0 and reply.type == f.ERROR):
        raise ProtocolError(f"the server answered request {reply.id}, which was not made")
    return request.finish(reply.type, reply.body)


def _data(reply: Mapping[str, Any]) -> bytes:
    data = reply.get("data")
    if not isinstance(data, bytes):
        raise ProtocolError("the server's part of the login has no data")
    return data


def without_a_word(lost: ConnectionError, where: str, tls: bool) -> ConnectionError:
    """Returns the error of a server that has hung up before it said anything. One that wants TLS does so."""
    return ConnectionError(
        f"{where} has closed the connection without a word: {lost.message}",
        hint=None if tls else "if the server wants TLS, say tls=verify-full in the URL",
    )


def _limit(limits: Mapping[str, Any], key: str, least: int, most: int) -> int:
    return max(least, min(most, d.to_uint(limits.get(key, most))))
