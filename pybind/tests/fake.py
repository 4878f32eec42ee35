"""A server that a test writes: each connection is handed to a function, which reads frames and answers what it likes.
For replies that the real server never sends, and for the moment at which a connection is lost."""

from __future__ import annotations

import contextlib
import socket
import struct
import threading
from types import TracebackType
from typing import Any, Callable, Dict, List, NamedTuple, Optional, Type

import msgpack

from middb import _frame as f

LIMITS = {"frame": 1 << 20, "in_flight": 64, "unsent": 1 << 20, "rows_frame": 1 << 18, "txns": 4, "cursors": 4}


class Request(NamedTuple):
    type: int
    id: int
    body: Any
    flags: int


class Connection:
    """The server's end of a connection."""

    def __init__(self, s: socket.socket) -> None:
        self.socket = s

    def read(self, n: int) -> bytes:
        data = b""
        while len(data) < n:
            more = self.socket.recv(n - len(data))
            if not more:
                raise EOFError
            data += more
        return data

    def request(self) -> Request:
        length, number, kind, flags, _ = struct.unpack(">IIBBH", self.read(12))
        return Request(kind, number, msgpack.unpackb(self.read(length)), flags)

    def send(self, data: bytes) -> None:
        self.socket.sendall(data)

    def reply(self, number: int, value: object, kind: int = f.OK, flags: int = 0) -> None:
        self.send(f.frame(kind, number, msgpack.packb(value), flags))

    def error(self, number: int, code: int, name: str, retryable: bool = False) -> None:
        self.reply(number, {"code": code, "name": name, "message": name, "retryable": retryable}, f.ERROR)

    def greet(self, **changes: object) -> None:
        """Answers the preface and HELLO."""
        assert self.read(8) == f.PREFACE
        self.send(f.PREFACE)
        hello = self.request()
        assert hello.type == f.HELLO
        welcome: Dict[str, object] = {
            "server": "middb", "version": "fake", "session": 1, "auth": False, "mechanisms": [], "limits": LIMITS,
        }  # fmt: skip
        self.reply(hello.id, {**welcome, **changes})


Script = Callable[[Connection], None]


class FakeServer:
    """Listens on a port of its own. The scripts are used up one for each connection; the last one stays."""

    def __init__(self, *scripts: Script) -> None:
        self._scripts = list(scripts)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self.connections = 0
        self.failures: List[BaseException] = []
        self._open: List[socket.socket] = []
        self._threads = [threading.Thread(target=self._accept, daemon=True)]
        self._threads[0].start()

    @property
    def url(self) -> str:
        return f"middb://127.0.0.1:{self.port}"

    def _accept(self) -> None:
        while True:
            try:
                s, _ = self._listener.accept()
            except OSError:
                return
            script = self._scripts[min(self.connections, len(self._scripts) - 1)]
            self.connections += 1
            self._open.append(s)
            thread = threading.Thread(target=self._run, args=(script, s), daemon=True)
            self._threads.append(thread)
            thread.start()

    def _run(self, script: Script, s: socket.socket) -> None:
        with s:
            try:
                script(Connection(s))
            except (EOFError, OSError):
                pass  # the client is gone
            except BaseException as e:
                self.failures.append(e)

    def __enter__(self) -> FakeServer:
        return self

    def __exit__(
        self, kind: Optional[Type[BaseException]], error: Optional[BaseException], trace: Optional[TracebackType]
    ) -> None:
        for s in (self._listener, *self._open):
            with contextlib.suppress(OSError):
                s.shutdown(socket.SHUT_RDWR)  # close alone would not wake up a thread that waits for it
        self._listener.close()
        for thread in self._threads:
            thread.join(10)
        if self.failures and error is None:
            raise self.failures[0]


def silent(c: Connection) -> None:
    """Takes what comes and says nothing."""
    c.request()


def store(connection: Connection) -> None:
    """A script that greets and then keeps a dict."""
    connection.greet()
    data: Dict[bytes, bytes] = {}
    while True:
        r = connection.request()
        if r.type == f.GET:
            connection.reply(r.id, data.get(r.body[0]))
        elif r.type == f.PUT:
            data[r.body[0]] = r.body[1]
            connection.reply(r.id, None)
        elif r.type == f.PING:
            connection.reply(r.id, r.body)
        else:
            connection.error(r.id, 1005, "UNKNOWN_REQUEST")
