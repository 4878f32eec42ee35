"""The requests that administrate a server; see _messages."""

from __future__ import annotations

from typing import Any, Dict, List, Mapping, Optional

from . import _decode as d
from . import _frame as f
from ._messages import Request, array, optional
from ._pack import packb
from ._types import Data, Info, Session, User, to_name


def stats() -> Request[Mapping[str, Any]]:
    return Request(f.STATS, b"\xc0", d.to_map, True)


def info() -> Request[Info]:
    return Request(f.INFO, b"\xc0", d.to_info, True)


def flush() -> Request[None]:
    return Request(f.FLUSH, b"\xc0", d.to_none, True, patient=True)


def compact(ks: Optional[str], start: Optional[Data], stop: Optional[Data]) -> Request[None]:
    body = packb([]) if ks is None else array(1, ks, optional(start), optional(stop))
    return Request(f.COMPACT, body, d.to_none, True, patient=True)


def sessions() -> Request[List[Session]]:
    return Request(f.SESSIONS, b"\xc0", lambda v: [d.to_session(d.to_map(s)) for s in d.to_list(v)], True)


def kill(session: int) -> Request[bool]:
    return Request(f.KILL, packb([session]), d.to_bool, False)


def list_users() -> Request[List[User]]:
    return Request(f.USERS, packb({"op": "list"}), lambda v: [d.to_user(d.to_map(u)) for u in d.to_list(v)], True)


def change_user(op: str, name: str, password: str = "", grants: Optional[Mapping[str, str]] = None) -> Request[None]:
    body: Dict[str, Any] = {"op": op, "name": name}
    if password:
        body["password"] = password
    if grants:
        body["grants"] = [{"keyspace": ks, "role": role} for ks, role in grants.items()]
    return Request(f.USERS, packb(body), d.to_none, False)


def list_keyspaces() -> Request[List[str]]:
    return Request(f.KEYSPACES, packb({"op": "list"}), lambda v: [d.to_str(ks) for ks in d.to_list(v)], True)


def open_keyspace(ks: str, create: bool) -> Request[None]:
    body: Dict[str, Any] = {"op": "open", "name": to_name(ks)}
    if create:
        body["create"] = True
    return Request(f.KEYSPACES, packb(body), d.to_none, True)


def drop_keyspace(ks: str) -> Request[None]:
    return Request(f.KEYSPACES, packb({"op": "drop", "name": to_name(ks)}), d.to_none, False)
