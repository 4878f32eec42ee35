"""What addresses mean, and what is wrong with those that mean nothing."""

from __future__ import annotations

import json
import math
import traceback
from dataclasses import fields
from typing import Any, Dict, List

import pytest

import middb
from middb._url import Target, name, parse, with_arguments
from running import ROOT

CASES: List[Dict[str, Any]] = json.loads((ROOT / "wire" / "testdata" / "urls.json").read_text(encoding="utf-8"))
SAID = {f.name for f in fields(Target)} - {"endpoints", "ssl_context"}


@pytest.mark.parametrize("case", [c for c in CASES if c["ok"]], ids=lambda c: c["url"])
def test_urls_that_all_clients_read(case: Dict[str, Any]) -> None:
    assert set(case) <= {"url", "ok", "addresses", *SAID}
    target, default = parse(case["url"]), Target()
    assert [name(e) for e in target.endpoints] == case["addresses"]
    said = {key: getattr(target, key) for key in SAID if key in case or getattr(target, key) != getattr(default, key)}
    assert said == {key: case[key] for key in SAID if key in case}


@pytest.mark.parametrize("case", [c for c in CASES if not c["ok"]], ids=lambda c: c["url"])
def test_urls_that_all_clients_refuse(case: Dict[str, Any]) -> None:
    assert set(case) <= {"url", "ok", "error", "secret"}
    with pytest.raises(middb.InvalidArgumentError) as caught:
        middb.connect(case["url"])
    shown = "".join(traceback.format_exception(caught.type, caught.value, None))
    assert case["error"] in shown
    assert case.get("secret", "\0") not in shown


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
    ("url", "says"),
    [
        ("middb://a?pool=4097", "4096"), ("middb://a?pool=²", "4096"), ("middb://a?timeout=2000000", "at most"),
        ("middb://a?timeout=1000h", "at most"), ("middb://a/%ff", "UTF-8"), ("unix:///%ff", "UTF-8"),
        ("middb://a?user=%ff", "UTF-8"), ("middb://ada:1?tsl=2@h", "cannot be read"),
    ],
)  # fmt: skip
def test_urls_that_this_client_refuses(url: str, says: str) -> None:
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
    for wrong in (
        {"timeout": 0}, {"timeout": math.nan}, {"timeout": math.inf}, {"timeout": 1e9}, {"pool": 0},
        {"durability": "x"}, {"keyspace": 5},
    ):  # fmt: skip
        with pytest.raises(middb.InvalidArgumentError):
            with_arguments(Target(), **{**nothing, **wrong})  # type: ignore[arg-type]


def test_certificates_that_cannot_be_read_are_named() -> None:
    with pytest.raises(middb.InvalidArgumentError, match=r"missing\.pem"):
        middb.connect("middb://127.0.0.1:1?tls=1&ca=missing.pem")
