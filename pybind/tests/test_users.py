"""Logins, roles, certificates, and the credentials of Unix sockets."""

from __future__ import annotations

from pathlib import Path
from typing import Iterator

import pytest

import middb
from running import Certificates, Server
from test_aio import on_loop


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, certificates: Certificates, short_dir: Path) -> Iterator[Server]:
    """A server with users: root administrates, ada writes to her keyspace and reads all."""
    c = certificates
    arguments = ["--tls-cert", str(c.cert), "--tls-key", str(c.key), "--tls-client-ca", str(c.ca)]
    arguments += ["--tls-client-auth", "optional"]
    directory = tmp_path_factory.mktemp("users") / "data"
    with Server(directory, *arguments, unix=str(short_dir / "u.sock")) as s:
        with middb.connect(s.unix_url) as admin:  # the account that runs the server needs no login
            admin.keyspace("ada")
            admin.add_user("root", "all = mine, all", {"*": "admin"})
            admin.add_user("ada", "pässword", {"*": "read", "ada": "write"})
        yield s


def address(server: Server, certificates: Certificates, query: str = "") -> str:
    return f"{server.url}?tls=verify-full&ca={certificates.ca}{query}"


def test_a_login_is_needed(server: Server, certificates: Certificates) -> None:
    url = address(server, certificates)
    with pytest.raises(middb.AuthRequiredError):
        middb.connect(url)
    with pytest.raises(middb.AuthFailedError):
        middb.connect(url, user="ada", password="wrong")
    with pytest.raises(middb.AuthFailedError):
        middb.connect(url, user="nobody", password="pässword")
    # Composed otherwise, the password is the same.
    with middb.connect(url, user="ada", password="pa\u0308ssword") as db:
        assert db.info().user == "ada"


def test_roles(server: Server, certificates: Certificates) -> None:
    url = address(server, certificates)
    with middb.connect(url, user="ada", password="pässword") as db:
        with pytest.raises(middb.PermissionDeniedError, match="default"):
            db.put("k", "v")
        assert db.get("k") is None
        mine = db.keyspace("ada", create=False)
        mine["k"] = "v"
        assert mine["k"] == b"v"
        for forbidden in (db.users, db.sessions, lambda: db.drop_keyspace("ada")):
            with pytest.raises(middb.PermissionDeniedError):
                forbidden()
        pipe = db.pipeline()
        pipe.put("k", "v")
        pipe.get("k")
        denied, none = pipe.execute()
        assert isinstance(denied, middb.PermissionDeniedError)
        assert none is None


def test_users_are_administrated(server: Server, certificates: Certificates) -> None:
    url = address(server, certificates)
    with middb.connect(url, user="root", password="all = mine, all") as root:
        root.add_user("bob", "first", {"*": "read"})
        with pytest.raises(middb.UserExistsError):
            root.add_user("bob", "x", {})
        users = {u.name: u.grants for u in root.users()}
        assert users["ada"] == {"*": "read", "ada": "write"}
        assert users["bob"] == {"*": "read"}
        root.grant("bob", {"*": "write"})
        with middb.connect(url, user="bob", password="first") as bob:
            bob["k"] = "v"
            bob.set_password("bob", "second")
            with pytest.raises(middb.PermissionDeniedError):
                bob.set_password("ada", "x")
        with pytest.raises(middb.AuthFailedError):
            middb.connect(url, user="bob", password="first")
        middb.connect(url, user="bob", password="second").close()
        root.remove_user("bob")
        with pytest.raises(middb.UserMissingError):
            root.remove_user("bob")
        with pytest.raises(middb.AuthFailedError):
            middb.connect(url, user="bob", password="second")


def test_a_certificate_is_a_login(server: Server, certificates: Certificates) -> None:
    c = certificates
    with middb.connect(address(server, c, f"&cert={c.client_cert}&key={c.client_key}")) as db:
        assert db.info().user == "ada"


def test_certificates_are_checked(server: Server, certificates: Certificates) -> None:
    login = {"user": "ada", "password": "pässword"}
    with pytest.raises(middb.ConnectionError, match=r"(?i)certificate"):
        middb.connect(f"{server.url}?tls=verify-full", **login)  # type: ignore[arg-type]
    with pytest.raises(middb.ConnectionError, match=r"(?i)certificate"):
        middb.connect(address(server, certificates, "&server_name=elsewhere"), **login)  # type: ignore[arg-type]
    with middb.connect(f"{server.url}?tls=require", **login) as db:  # type: ignore[arg-type]
        db.ping()
    with pytest.raises(middb.ConnectionError, match="wants TLS"):
        middb.connect(server.url, **login)  # type: ignore[arg-type]


@on_loop
async def test_logins_on_asyncio(server: Server, certificates: Certificates) -> None:
    url = address(server, certificates)
    with pytest.raises(middb.AuthFailedError):
        await middb.connect_async(url, user="ada", password="wrong")
    async with middb.connect_async(url, user="ada", password="pässword") as db:
        assert (await db.info()).user == "ada"
        with pytest.raises(middb.PermissionDeniedError):
            await db.put("k", "v")
    async with middb.connect_async(url, user="root", password="all = mine, all") as root:
        await root.add_user("cy", "pw", {"ada": "read"})
        await root.set_password("cy", "other")
        await root.grant("cy", {"ada": "write"})
        assert "cy" in [u.name for u in await root.users()]
        await root.remove_user("cy")
        me = (await root.info()).session
        assert me in [s.session for s in await root.sessions()]
        assert not await root.kill(999_999)
    with pytest.raises(middb.ConnectionError, match="wants TLS"):
        await middb.connect_async(server.url)
    with pytest.raises(middb.ConnectionError, match=r"(?i)certificate"):
        await middb.connect_async(f"{server.url}?tls=1", user="ada", password="pässword")
