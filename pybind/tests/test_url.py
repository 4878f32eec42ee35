"""What addresses mean, and what is wrong with those that mean nothing."""

from __future__ import annotations

import pytest

import middb
from middb._url import Target, parse, with_arguments


def test_url_with_everything() -> None:
    t = parse(
        "middb://ada:p%40ss@db1:1234,[::1]:2,db3/my%2Fkeys?tls=1&ca=ca.pem&cert=c.pem&key=k.pem&server_name=db"
        "&durability=nosync&timeout=1m30s&pool=3&compress=zlib"
    )
    assert t.endpoints == (("db1", 1234), ("::1", 2), ("db3", 7878))
    assert (t.user, t.password, t.keyspace, t.tls) == ("ada", "p@ss", "my/keys", "verify-full")
    assert (t.ca, t.cert, t.key, t.server_name) == ("ca.pem", "c.pem", "k.pem", "db")
    assert (t.durability, t.timeout, t.pool, t.compress) == ("nosync", 90.0, 3, True)
    assert "p@ss" not in repr(t)


@pytest.mark.parametrize(
    ("url", "endpoints", "keyspace"),
    [
        ("middb://", (("127.0.0.1", 7878),), ""),
        ("middb://host", (("host", 7878),), ""),
        ("middb://host/", (("host", 7878),), ""),
        ("middb://:99/ks", (("127.0.0.1", 99),), "ks"),
        ("middb://%2Frun%2Fm.sock/ks", ("/run/m.sock",), "ks"),
        ("unix:///run/m.sock?keyspace=ks", ("/run/m.sock",), "ks"),
        ("middb+unix:///run/a%20b.sock", ("/run/a b.sock",), ""),
    ],
)
def test_addresses(url: str, endpoints: object, keyspace: str) -> None:
    t = parse(url)
    assert (t.endpoints, t.keyspace) == (endpoints, keyspace)


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("redis://x", "middb://"), ("localhost:7878", "middb://"), ("middb://a:b:c", "host:port"),
        ("middb://a:0", "host:port"), ("middb://a:70000", "host:port"), ("middb://a/b/c", "one keyspace"),
        ("unix://run/x", "begins with /"), ("middb://a?nonsense=1", "nonsense"), ("middb://a?tls=maybe", "verify-full"),
        ("middb://a?timeout=soon", "500ms"), ("middb://a?pool=0", "4096"), ("middb://a?pool=²", "4096"),
        ("middb://a?durability=often", "nosync"), ("middb://a?compress=lzma", "zlib"), ("middb://a?cert=c.pem", "key"),
        ("middb://a?x", "key=value"),
    ],
)  # fmt: skip
def test_wrong_addresses_say_what_is_wrong(url: str, says: str) -> None:
    with pytest.raises(middb.InvalidArgumentError, match=says):
        parse(url)


def test_arguments_win() -> None:
    nothing = dict.fromkeys(
        ("user", "password", "keyspace", "timeout", "pool", "durability", "compress", "ssl_context")
    )
    t = parse("middb://ada:pw@h/ks?timeout=1s")
    assert with_arguments(t, **nothing) == t
    t = with_arguments(t, **{**nothing, "password": "new", "keyspace": "", "timeout": 2})  # type: ignore[arg-type]
    assert (t.user, t.password, t.keyspace, t.timeout) == ("ada", "new", "", 2.0)
    for wrong in ({"timeout": 0}, {"pool": 0}, {"durability": "x"}):
        with pytest.raises(middb.InvalidArgumentError):
            with_arguments(Target(), **{**nothing, **wrong})  # type: ignore[arg-type]


def test_certificates_that_cannot_be_read_are_named() -> None:
    with pytest.raises(middb.InvalidArgumentError, match=r"missing\.pem"):
        middb.connect("middb://127.0.0.1:1?tls=1&ca=missing.pem")
