"""Servers that tests start: the real program."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import tempfile
import time
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Dict, Optional, Type

import trustme

ROOT = Path(__file__).parents[2]


def binary() -> str:
    """Returns the program under test: that of MIDDB_BINARY, or bin/middb, which make build makes."""
    path = os.environ.get("MIDDB_BINARY") or str(ROOT / "bin" / "middb")
    if not os.access(path, os.X_OK):
        raise RuntimeError(f"{path} is no program; run make build, or set MIDDB_BINARY")
    return path


class Certificates:
    """A certificate authority, a server's certificate, and one of a client called ada."""

    def __init__(self, where: Path) -> None:
        authority = trustme.CA()
        self.ca, self.cert, self.key = where / "ca.pem", where / "server.pem", where / "server.key"
        self.client_cert, self.client_key = where / "client.pem", where / "client.key"
        authority.cert_pem.write_to_path(self.ca)
        server = authority.issue_cert("127.0.0.1", "localhost")
        server.cert_chain_pems[0].write_to_path(self.cert)
        server.private_key_pem.write_to_path(self.key)
        client = authority.issue_cert("ada@example.com", common_name="ada")
        client.cert_chain_pems[0].write_to_path(self.client_cert)
        client.private_key_pem.write_to_path(self.client_key)


class Server:
    """A middb server as a child process. It keeps its port when it is started again."""

    def __init__(self, directory: Path, *arguments: str, unix: Optional[str] = None, tcp: bool = True) -> None:
        self.directory = directory
        self.arguments = list(arguments)
        self.unix = unix
        self.tcp = tcp
        self.address = "127.0.0.1:0"
        self.log: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115
        self.start()

    def start(self) -> None:
        with tempfile.TemporaryDirectory() as d:
            ready = Path(d, "ready")
            command = [binary(), "server", "--data-dir", str(self.directory), "--ready-file", str(ready), "--stdin-eof"]
            command += ["--bind", self.address if self.tcp else "off"]
            if self.unix is not None:
                command += ["--unix", self.unix]
            self.child = subprocess.Popen(
                [*command, *self.arguments], stdin=subprocess.PIPE, stdout=self.log, stderr=self.log
            )
            deadline = time.monotonic() + 60
            while not ready.exists():
                if self.child.poll() is not None or time.monotonic() > deadline:
                    self.log.seek(0)
                    text = self.log.read().decode()
                    raise RuntimeError(f"the server did not start: {' '.join(command)}\n{text}")
                with contextlib.suppress(subprocess.TimeoutExpired):
                    self.child.wait(0.005)
            self.ready: Dict[str, Any] = json.loads(ready.read_text())
        if self.tcp:
            self.address = self.ready["bind"]

    @property
    def url(self) -> str:
        return f"middb://{self.address}"

    @property
    def unix_url(self) -> str:
        return f"unix://{self.unix}"

    def kill(self) -> None:
        """Ends the server as a crash does."""
        self.child.send_signal(signal.SIGKILL)
        self._wait()

    def stop(self) -> None:
        """Ends the server as an operator does."""
        if self.child.poll() is None:
            self.child.send_signal(signal.SIGTERM)
        self._wait()

    def _wait(self) -> None:
        self.child.wait(30)
        if self.child.stdin is not None:
            self.child.stdin.close()

    def __enter__(self) -> Server:
        return self

    def __exit__(
        self, kind: Optional[Type[BaseException]], error: Optional[BaseException], trace: Optional[TracebackType]
    ) -> None:
        self.stop()
        self.log.close()


def python_environment() -> Dict[str, str]:
    """Returns the environment in which another Python finds this package and this program."""
    return {**os.environ, "PYTHONPATH": str(ROOT / "pybind" / "src"), "MIDDB_BINARY": binary()}
