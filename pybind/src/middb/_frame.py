"""Frames, as wire/doc.go specifies them: what is written before and after a body, and how a stream of bytes is
cut into frames. Nothing here does I/O.
"""

from __future__ import annotations

import struct
import zlib
from typing import NamedTuple, Optional

from ._codes import FrameTooLargeError, ProtocolError, UnsupportedVersionError
from ._pack import Bytes

MAJOR, MINOR = 1, 0
PREFACE = b"MIDB" + bytes([MAJOR, MINOR, 0, 0])

HEADER = struct.Struct(">IIBBH")  # body length, request id, type, flags, reserved
HEADER_BYTES = 12

# Requests.
HELLO, AUTH, PING, GOODBYE, CANCEL, SET = 0x01, 0x02, 0x03, 0x04, 0x05, 0x06
GET, PUT, DEL, MGET, BATCH, SCAN, CAS, DELRANGE, COUNT, MERGE = range(0x10, 0x1A)
BEGIN, COMMIT, ROLLBACK, SAVEPOINT = 0x20, 0x21, 0x22, 0x23
EXEC, PREPARE, RUN, UNPREPARE = 0x30, 0x31, 0x32, 0x33
FETCH, CLOSE = 0x40, 0x41
WATCH, UNWATCH = 0x50, 0x51
STATS, INFO, FLUSH, COMPACT = 0x60, 0x61, 0x62, 0x63
SESSIONS, KILL, USERS, KEYSPACES = 0x67, 0x68, 0x69, 0x6A

# Replies.
OK, ROWHEAD, ROWS, END, EVENT, NOTICE, ERROR = 0x80, 0x81, 0x82, 0x83, 0x84, 0x85, 0xFF

# Flags.
MORE, COMPRESSED, ANY_ORDER, NO_REPLY = 1, 2, 4, 8

# What a frame may have before the server has announced its limit, and what a client takes at most.
HELLO_LIMIT = 64 << 10
GREATEST_LIMIT = 1 << 30

COMPRESS_ABOVE = 1 << 10
MAX_ID = 0xFFFFFFFF


class Frame(NamedTuple):
    """A frame that was received; its body is plain, whatever it was on the way."""

    type: int
    flags: int
    id: int
    body: Bytes


def frame(kind: int, request: int, body: bytes, flags: int = 0) -> bytes:
    """Returns a frame to be sent."""
    return HEADER.pack(len(body), request, kind, flags, 0) + body


def compressed_frame(kind: int, request: int, body: bytes, flags: int = 0) -> bytes:
    """Returns a frame to be sent to a server that has agreed on zlib: compressed if that makes it smaller."""
    if len(body) > COMPRESS_ABOVE:
        small = struct.pack(">I", len(body)) + zlib.compress(body, 1)
        if len(small) < len(body):
            return frame(kind, request, small, flags | COMPRESSED)
    return frame(kind, request, body, flags)


class Inbox:
    """Takes bytes as they come in and gives frames. It holds no more memory than bytes have arrived, whatever
    lengths they declare. After a ProtocolError it is of no more use.
    """

    __slots__ = ("_buffer", "_position", "_preface", "compressed", "limit")

    def __init__(self) -> None:
        self._buffer: Bytes = b""
        self._position = 0
        self._preface = False
        self.limit = HELLO_LIMIT
        self.compressed = False  # agreed on in HELLO

    def feed(self, data: bytes) -> None:
        """Adds what was received."""
        if self._position == len(self._buffer):
            self._buffer = data
            self._position = 0
            return
        if isinstance(self._buffer, bytes):
            self._buffer = bytearray(self._buffer)
        if self._position:
            del self._buffer[: self._position]
            self._position = 0
        self._buffer += data

    def missing(self) -> int:
        """Returns how many bytes the frame still lacks that has begun to arrive; 0 if that is not known."""
        if len(self._buffer) - self._position < HEADER_BYTES:
            return 0
        (length,) = struct.unpack_from(">I", self._buffer, self._position)
        return max(0, HEADER_BYTES + int(length) - (len(self._buffer) - self._position))

    @property
    def greeted(self) -> bool:
        """Whether the preface has arrived."""
        return self._preface

    def next(self) -> Optional[Frame]:
        """Returns the next frame, or None if it has not arrived."""
        buffer, start = self._buffer, self._position
        have = len(buffer) - start
        if not self._preface:
            return self._take_preface(have)
        if have < HEADER_BYTES:
            return None
        length, request, kind, flags, reserved = HEADER.unpack_from(buffer, start)
        if length > self.limit or reserved or flags > 1:
            self._check(length, kind, flags, reserved)
        if have - HEADER_BYTES < length:
            return None
        start += HEADER_BYTES
        self._position = end = start + length
        body = buffer[start:end]
        if flags & COMPRESSED:
            body = _inflate(body, self.limit)
        return Frame(kind, flags, request, body)

    def _check(self, length: int, kind: int, flags: int, reserved: int) -> None:
        known = MORE | COMPRESSED if self.compressed else MORE
        if reserved or flags & ~known:
            raise ProtocolError(f"the server sent a frame of type {kind:#04x} with flags {flags:#x} that mean nothing")
        if length > self.limit:
            raise FrameTooLargeError(f"the server sent a frame of {length} bytes; its limit is {self.limit}")

    def _take_preface(self, have: int) -> Optional[Frame]:
        seen = bytes(self._buffer[: min(have, 8)])
        if not seen.startswith(PREFACE[:4][: len(seen)]):
            text = bytes(self._buffer[:80]).decode("ascii", "backslashreplace")
            raise ProtocolError(
                f"the other side does not speak the middb protocol; it says {text!r}",
                hint="check the port, and whether it wants TLS",
            )
        if have < 8:
            return None
        self._preface = True
        self._position += 8
        if seen[4] != MAJOR:
            # The server says so itself in an ERROR; this is for one that does not.
            if (f := self.next()) is not None:
                return f
            raise UnsupportedVersionError(
                f"the server speaks version {seen[4]}.{seen[5]} of the protocol, this client {MAJOR}.{MINOR}"
            )
        return self.next()


def _inflate(body: Bytes, limit: int) -> bytes:
    """Returns the plain body, and never holds more than its declared length, which is at most limit."""
    if len(body) < 4:
        raise ProtocolError("the server sent a compressed body without its length")
    (length,) = struct.unpack_from(">I", body)
    if length > limit:
        raise FrameTooLargeError(f"the server sent a compressed body of {length} bytes; its limit is {limit}")
    inflater = zlib.decompressobj()
    try:
        plain = inflater.decompress(body[4:], length + 1)
    except zlib.error as e:
        raise ProtocolError(f"the server sent a body that does not decompress: {e}") from e
    if len(plain) != length or not inflater.eof or inflater.unused_data:
        raise ProtocolError("the server sent a compressed body that is not as long as it says")
    return plain
