"""Fixtures: the real server, over TCP, TLS and a Unix socket."""

from __future__ import annotations

import os
import shutil
import tempfile
import threading
from pathlib import Path
from typing import Iterator

import pytest

import middb
from running import Certificates, Server


@pytest.fixture(autouse=True)
def _no_test_hangs_for_ever() -> Iterator[None]:
    """Ends the run once a test has taken so long that faulthandler_timeout has shown where it stands."""
    watchdog = threading.Timer(150, os._exit, (3,))
    watchdog.daemon = True
    watchdog.start()
    yield
    watchdog.cancel()


@pytest.fixture(scope="session")
def short_dir() -> Iterator[Path]:
    """A directory whose path is short enough for Unix sockets."""
    d = Path(tempfile.mkdtemp(prefix="middb-test-"))
    yield d
    shutil.rmtree(d)


@pytest.fixture(scope="session")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    return Certificates(tmp_path_factory.mktemp("certs"))


@pytest.fixture(scope="session")
def plain_server(tmp_path_factory: pytest.TempPathFactory, short_dir: Path) -> Iterator[Server]:
    with Server(tmp_path_factory.mktemp("plain") / "data", unix=str(short_dir / "m.sock")) as s:
        yield s


@pytest.fixture(scope="session")
def tls_server(tmp_path_factory: pytest.TempPathFactory, certificates: Certificates) -> Iterator[Server]:
    c = certificates
    directory = tmp_path_factory.mktemp("tls") / "data"
    with Server(directory, "--tls-cert", str(c.cert), "--tls-key", str(c.key)) as s:
        yield s


@pytest.fixture(params=["tcp", "tls", "unix"])
def url(request: pytest.FixtureRequest) -> str:
    """The address of a running server with an empty database."""
    if request.param == "tls":
        server: Server = request.getfixturevalue("tls_server")
        certificates: Certificates = request.getfixturevalue("certificates")
        address = f"{server.url}?tls=verify-full&ca={certificates.ca}"
    else:
        server = request.getfixturevalue("plain_server")
        address = server.url if request.param == "tcp" else server.unix_url
    empty(address)
    return address


@pytest.fixture
def tcp(plain_server: Server) -> str:
    """The address of a running server with an empty database, over TCP alone."""
    empty(plain_server.url)
    return plain_server.url


@pytest.fixture
def db(url: str) -> Iterator[middb.Client]:
    with middb.connect(url) as client:
        yield client


def empty(address: str) -> None:
    with middb.connect(address) as client:
        client.delete_range(None, None)
        for name in client.keyspaces():
            if name != "default":
                client.drop_keyspace(name)
