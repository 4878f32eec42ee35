"""Bytes that are no frames, and frames that arrive in pieces."""

from __future__ import annotations

import random
import struct
import zlib
from typing import List

import pytest

import middb
from middb import _frame as f
from middb._pack import packed_bytes, unpack


def inbox(limit: int = 1 << 20) -> f.Inbox:
    box = f.Inbox()
    box.limit = limit
    box.feed(f.PREFACE)
    assert box.next() is None
    return box


def test_frames_arrive_in_any_pieces() -> None:
    seed = random.randrange(1 << 32)
    rng = random.Random(seed)
    bodies = [rng.randbytes(rng.choice((0, 1, 11, 200, 70_000))) for _ in range(60)]
    stream = f.PREFACE + b"".join(f.frame(f.OK, i + 1, b) for i, b in enumerate(bodies))
    box, got = f.Inbox(), []  # type: ignore[var-annotated]
    box.limit = 1 << 20
    while stream:
        n = rng.choice((1, 3, 12, 500, 100_000))
        box.feed(stream[:n])
        stream = stream[n:]
        while (frame := box.next()) is not None:
            assert frame.id == len(got) + 1
            got.append(bytes(frame.body))
    assert got == bodies, f"seed {seed}"
    assert box.missing() == 0


def test_missing_says_how_much_to_read() -> None:
    box = inbox()
    box.feed(f.frame(f.OK, 1, b"x" * 1000)[:100])
    assert box.next() is None
    assert box.missing() == 912


@pytest.mark.parametrize(
    "start", [b"H", b"HTTP/1.1 400 Bad Request", b"-ERR unknown", b"\x15\x03\x01\0\2", b"MIDX", b"MI\n"]
)
def test_another_protocol_is_named(start: bytes) -> None:
    box = f.Inbox()
    box.feed(start)
    with pytest.raises(middb.ProtocolError, match="does not speak"):
        box.next()


def test_another_version_is_named() -> None:
    box = f.Inbox()
    box.feed(b"MIDB\x02\0\0\0")
    with pytest.raises(middb.UnsupportedVersionError, match=r"2\.0"):
        box.next()


@pytest.mark.parametrize(
    ("header", "error"),
    [
        ((2 << 20, 1, f.OK, 0, 0), middb.FrameTooLargeError),
        ((0xFFFFFFFF, 1, f.OK, 0, 0), middb.FrameTooLargeError),
        ((0, 1, f.OK, 0, 1), middb.ProtocolError),
        ((0, 1, f.OK, 16, 0), middb.ProtocolError),
        ((0, 1, f.OK, f.COMPRESSED, 0), middb.ProtocolError),  # not agreed on
    ],
)
def test_broken_headers_are_refused(header: tuple[int, ...], error: type[middb.Error]) -> None:
    box = inbox()
    box.feed(f.HEADER.pack(*header))
    with pytest.raises(error):
        box.next()


def compressed(plain: bytes, length: int) -> bytes:
    return struct.pack(">I", length) + zlib.compress(plain)


def test_compressed_bodies_come_out_plain() -> None:
    box = inbox()
    box.compressed = True
    data = packed_bytes(b"v" * 5000)
    sent = f.compressed_frame(f.OK, 1, data)
    assert len(sent) < 200
    box.feed(sent)
    frame = box.next()
    assert frame is not None
    assert frame.body == data
    assert f.compressed_frame(f.OK, 1, b"short") == f.frame(f.OK, 1, b"short")


@pytest.mark.parametrize(
    "body",
    [
        b"", b"\0\0\0\1", b"\0\0\0\1junk", compressed(b"a" * 100, 99), compressed(b"a" * 100, 101),
        compressed(b"a" * 100, 100)[:-3], compressed(b"a", 1) + b"more", compressed(b"0" * (8 << 20), 1 << 30),
        compressed(b"0" * (8 << 20), 1000), compressed(b"", 0) + b"x",
    ],
)  # fmt: skip
def test_bad_compression_is_refused(body: bytes) -> None:
    box = inbox()
    box.compressed = True
    box.feed(f.frame(f.OK, 1, body, f.COMPRESSED))
    with pytest.raises((middb.ProtocolError, middb.FrameTooLargeError)):
        box.next()


HOSTILE: List[bytes] = [
    b"", b"\xdd\xff\xff\xff\xff", b"\xdf\xff\xff\xff\xff", b"\xc6\xff\xff\xff\xff", b"\x91" * 100_000, b"\xc1",
    b"\xa1\xff", b"\x01\x02", b"\x81\x01\x02", b"\x81\x90\x02", b"\xd9", b"\xc7\xff",
]  # fmt: skip


@pytest.mark.parametrize("body", HOSTILE, ids=lambda b: b[:6].hex())
def test_hostile_bodies_are_protocol_errors(body: bytes) -> None:
    with pytest.raises(middb.ProtocolError):
        unpack(body)


def test_random_bodies_are_values_or_protocol_errors() -> None:
    seed = random.randrange(1 << 32)
    rng = random.Random(seed)
    refused = 0
    for _ in range(20_000):
        body = rng.randbytes(rng.randrange(24))
        try:
            unpack(body)
        except middb.ProtocolError:
            refused += 1
        except Exception as e:
            pytest.fail(f"seed {seed}: {body.hex()}: {e!r}")
    assert 0 < refused < 20_000


@pytest.mark.parametrize("n", [0, 1, 255, 256, 65535, 65536])
def test_lengths_of_bin_have_their_shortest_form(n: int) -> None:
    data = b"x" * n
    packed = packed_bytes(data)
    assert unpack(packed) == data
    assert len(packed) - n == (2 if n < 256 else 3 if n < 65536 else 5)
