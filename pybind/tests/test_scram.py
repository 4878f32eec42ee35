"""Logins against servers that do not play by the rules."""

from __future__ import annotations

import pytest

import middb
from middb._scram import Scram, saslprep

NONCE = "abc"
GOOD = b"r=abcdef,s=c2FsdA==,i=4096"


@pytest.mark.parametrize(
    "server_first",
    [
        b"", b"r=abcdef", b"r=abc,s=c2FsdA==,i=4096", b"r=xyz,s=c2FsdA==,i=4096", b"r=abcdef,s=!,i=4096",
        b"r=abcdef,s=,i=4096", b"m=x,r=abcdef,s=c2FsdA==,i=4096", b"\xff", b"r=abcdef,s=c2FsdA==,i=-5",
        b"r=abcdef,s=c2FsdA==,i=1", b"r=abcdef,s=c2FsdA==,i=2000000000", b"r=abcdef,s=c2FsdA==,i=" + b"9" * 5000,
        b"r=abcdef,s=c2FsdA==,i=\xd9\xa4\xd9\xa0\xd9\xa9\xd9\xa6",
    ],
)  # fmt: skip
def test_login_refuses_a_bad_challenge(server_first: bytes) -> None:
    with pytest.raises(middb.ProtocolError):
        Scram("ada", "pw", nonce=NONCE).final(server_first)


@pytest.mark.parametrize("server_final", [b"", b"v=", b"v=d3Jvbmc=", b"e=other-error", b"x=1"])
def test_login_refuses_a_server_without_the_password(server_final: bytes) -> None:
    scram = Scram("ada", "pw", nonce=NONCE)
    scram.final(GOOD)
    with pytest.raises(middb.AuthFailedError):
        scram.verify(server_final)


def test_login_refuses_a_verdict_before_the_proof() -> None:
    with pytest.raises(middb.AuthFailedError):
        Scram("ada", "pw", nonce=NONCE).verify(b"v=")


def test_names_and_passwords_are_prepared() -> None:
    assert saslprep("I\u00adX", "name") == "IX"  # the examples of RFC 4013
    assert saslprep("user", "name") == "user"
    assert saslprep("\u00aa", "name") == "a"
    assert saslprep("\u2168", "name") == "IX"
    assert saslprep("u\u0308", "name") == "ü"
    assert saslprep("", "name") == ""
    for bad in ("\u0007", "\u0627\u0031"):
        with pytest.raises(middb.InvalidArgumentError):
            saslprep(bad, "name")
    assert Scram("a,b=c", "", nonce="n").first() == b"n,,n=a=2Cb=3Dc,r=n"
