"""The private server of a Database: finding the program, starting it, attaching to one that another process started,
ending it. It listens on a Unix socket in a fresh directory that only its user can enter, and ends when the pipe to its
standard input closes, so that it never outlives its owner, whatever becomes of that."""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import socket
import subprocess
import tempfile
import threading
import time
import weakref
from pathlib import Path
from typing import IO, Optional, Sequence, Tuple, Union

from ._codes import BinaryMissingError, ClosedError, ConnectionError, DatabaseLocked, Error

PathLike = Union[str, "os.PathLike[str]"]

# The server's ready file, inside the directory of the database, says where others may attach to it. It is there while
# the server runs, and may be left over from one that was killed.
ENDPOINT = "middb.endpoint"

# How long a shared Database waits for a process that has the directory open and may be about to share it, in seconds.
ATTACH_WAIT = 3.0
# How long what is under way may take when a private server ends, for itself and before it is killed.
STOP_TIMEOUT, STOP_WAIT = "10s", 30.0

# The names of the directories of servers, and the seconds after which one that is empty has been left behind by an
# owner that was killed; that of a server has its socket in it.
HOMES, LEFT_BEHIND = "middb-py-", 3600.0

# The longest path of a Unix socket, on the systems that allow least.
LONGEST_SOCKET_PATH = 100


def find_binary(given: Optional[PathLike] = None) -> str:
    """Returns the program: the one given, or that of MIDDB_BINARY, the one that came with this package, or the one on
    the PATH."""
    for source, path in (("", given), ("MIDDB_BINARY: ", os.environ.get("MIDDB_BINARY"))):
        if path:
            if not os.access(path, os.X_OK) or os.path.isdir(path):
                raise BinaryMissingError(f"{source}{os.fspath(path)} is no program")
            return os.path.abspath(path)
    bundled = Path(__file__).parent / "bin" / "middb"
    if os.access(bundled, os.X_OK):
        return str(bundled)
    found = shutil.which("middb")
    if found is None:
        raise BinaryMissingError("the program middb is neither part of this package nor on the PATH")
    return found


class Process:
    """A server that this process has started and that ends with it."""

    def __init__(self, binary: str, directory: str, arguments: Sequence[str], wait: float) -> None:
        self.pid = os.getpid()  # of the owner
        self._home = _private_directory()
        self.socket = os.path.join(self._home, "middb.sock")
        command = [binary, "server", "--data-dir", directory, "--bind", "off", "--unix", self.socket, "--stdin-eof"]
        command += ["--stop-timeout", STOP_TIMEOUT]
        command += ["--log-level", "error"]  # nobody reads it but this process, and only until the server has begun
        # Settings of other servers, which MIDDB_* variables may be, are not for this one.
        environment = {k: v for k, v in os.environ.items() if not k.startswith("MIDDB_")}
        with tempfile.TemporaryFile() as log:
            try:
                with _spawning:
                    # A session of its own: Ctrl-C is for this process, which ends its server itself.
                    self._child = subprocess.Popen(
                        [*command, *arguments],
                        stdin=subprocess.PIPE,
                        stdout=log,
                        stderr=log,
                        env=environment,
                        start_new_session=True,
                    )
                    self._end = weakref.finalize(self, _end, self.pid, self._child, self._home)
                    self._end.atexit = False  # end_all does it, once the connections are closed
                    _processes.add(self)
            except OSError as e:
                shutil.rmtree(self._home, ignore_errors=True)
                raise BinaryMissingError(f"cannot run {binary}: {e}") from e
            try:
                self._wait_ready(directory, log, time.monotonic() + wait)
            except BaseException:
                self.end()
                raise

    def _wait_ready(self, directory: str, log: IO[bytes], deadline: float) -> None:
        delay = 0.001
        while not _answers(self.socket):
            if self._child.poll() is not None:
                raise _why(directory, log, self._child.returncode)
            if time.monotonic() > deadline:
                raise ConnectionError(
                    f"the server of {directory} has not begun in time: {_tail(log)}",
                    hint="a long log may need a larger start_timeout",
                )
            time.sleep(delay)
            delay = min(2 * delay, 0.05)

    def alive(self) -> bool:
        """Reports whether the server runs."""
        return self._child.poll() is None

    def end(self) -> None:
        """Ends the server: it finishes what is under way and closes the database."""
        if self._end.detach():  # a finalizer that is called does nothing once the interpreter is about to end
            _end(self.pid, self._child, self._home)

    def after_fork(self) -> None:
        """Lets go of the server, in a child of its owner: it is not the child's to end, nor to keep alive."""
        self._end.detach()
        if self._child.stdin is not None:
            self._child.stdin.close()
        self._child.returncode = 0  # it cannot be waited for here


def _end(owner: int, child: subprocess.Popen[bytes], home: str) -> None:
    if os.getpid() != owner:
        return
    if child.stdin is not None:
        with contextlib.suppress(OSError):
            child.stdin.close()
    try:
        child.wait(STOP_WAIT)
    except subprocess.TimeoutExpired:
        child.kill()
        child.wait()
    shutil.rmtree(home, ignore_errors=True)


def _private_directory() -> str:
    home = tempfile.mkdtemp(prefix=HOMES)
    if len(home) > LONGEST_SOCKET_PATH - len("/middb.sock"):
        os.rmdir(home)
        home = tempfile.mkdtemp(prefix=HOMES, dir="/tmp")
    _sweep(os.path.dirname(home))
    return home


def _sweep(where: str) -> None:
    """Removes the directories that others have left behind. Their servers have removed the sockets."""
    for home in Path(where).glob(HOMES + "*"):
        with contextlib.suppress(OSError):  # it is not empty, or somebody else's
            if time.time() - home.stat().st_mtime > LEFT_BEHIND:
                home.rmdir()


def _answers(path: str) -> bool:
    """Reports whether somebody listens on a Unix socket."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as s:
        try:
            s.connect(path)
        except OSError:
            return False
        return True


def _tail(log: IO[bytes]) -> str:
    size = log.seek(0, os.SEEK_END)
    log.seek(max(0, size - 2000))
    return log.read().decode("utf-8", "replace").strip() or "it says nothing"


# What the program says of a directory that another process has open.
_LOCKED = re.compile(r"locked by another process(?: \(pid (\d+)\))?")


def _why(directory: str, log: IO[bytes], status: int) -> Error:
    """Returns the error of a server that has ended before it began."""
    text = _tail(log)
    held = _LOCKED.search(text)
    if held is not None:
        if held.group(1) is None:
            return DatabaseLocked(f"another process has the database {directory} open")
        server = int(held.group(1))
        owner = _owner_of(server)
        by = "" if owner == server else f", by its server, process {server}"
        details = {"pid": owner, "server": server}
        return DatabaseLocked(f"process {owner} has the database {directory} open{by}", details=details)
    return ConnectionError(f"the server of {directory} has ended with status {status}: {text}", hint="")


def _owner_of(server: int) -> int:
    """Returns the process for which a server runs, as far as the system tells; one that is nobody's runs for itself."""
    try:
        stat = Path(f"/proc/{server}/stat").read_text()
        parent, command = stat.rpartition(")")[2].split()[1], Path(f"/proc/{server}/cmdline").read_text()
    except OSError:
        ask = ["ps", "-o", "ppid=,args=", "-p", str(server)]
        try:
            said = subprocess.run(ask, check=False, capture_output=True, text=True).stdout
        except OSError:
            said = ""
        parent, _, command = said.strip().partition(" ")
    return int(parent) if parent.isdecimal() and "--stdin-eof" in command and parent != "1" else server


class Home:
    """Where a Database has its server: one of its own, which is started again if it dies, or, if it is shared, the one
    of whoever opened the directory first."""

    def __init__(
        self, directory: PathLike, shared: bool, binary: Optional[PathLike], arguments: Sequence[str], wait: float
    ) -> None:
        self.directory = os.path.abspath(directory)
        self._shared = shared
        self._binary = find_binary(binary)
        self._arguments = list(arguments)
        self._wait = wait
        self._process: Optional[Process] = None
        self._socket: Optional[str] = None  # of the server, whosever it is
        self._inherited = False  # the process was forked from the one that found the server
        self._sharer: Optional[int] = None  # the process of the server that has shared the directory last
        self._closed = False
        self._lock = threading.Lock()
        _homes.add(self)

    def locate(self) -> str:
        """Returns the path of the server's socket, starting the server if need be."""
        with self._lock:
            if self._closed:
                raise ClosedError("the database is closed")
            if self._process is not None and self._process.alive():
                return self._process.socket
            if self._inherited and not self._shared:
                assert self._socket is not None
                if not _answers(self._socket):
                    raise ConnectionError(
                        f"the server of {self.directory} has ended, which was that of the process that forked this one",
                        hint="a server that is started there later is not found here; share it, with shared=True",
                    )
                return self._socket
            self._let_go()
            self._socket = self._attach_or_start() if self._shared else self._start()
            return self._socket

    def _start(self) -> str:
        arguments = self._arguments
        if self._shared:
            arguments = [*arguments, "--ready-file", os.path.join(self.directory, ENDPOINT)]
        self._process = Process(self._binary, self.directory, arguments, self._wait)
        return self._process.socket

    def _attach_or_start(self) -> str:
        holder, since = object(), 0.0  # who has it open, and since when that is known
        delay = 0.005
        while True:
            path, sharer = read_endpoint(self.directory)
            if path is not None:
                self._sharer = sharer
                if _answers(path):
                    return path
            try:
                path = self._start()
            except DatabaseLocked as e:
                now = time.monotonic()
                if e.details.get("server") != holder:
                    holder, since = e.details.get("server"), now
                # Who shared it is about to end, which takes its time; another may be about to say where it is.
                shares = holder == self._sharer
                if now - since > (self._wait if shares else ATTACH_WAIT):
                    if not shares:
                        e.hint = "it does not share it: open it there with shared=True, or close it"
                    raise
                time.sleep(delay)
                delay = min(2 * delay, 0.1)
            else:
                self._inherited = False
                return path

    def _let_go(self) -> None:
        process, self._process = self._process, None
        if process is not None:
            process.end()

    def close(self) -> None:
        """Ends the server if it is this process's own."""
        with self._lock:
            self._closed = True
            self._let_go()

    def after_fork(self) -> None:
        """Leaves the server to the parent, in a child."""
        if self._process is not None:
            self._process.after_fork()
            self._process = None
        self._inherited = self._socket is not None
        self._lock = threading.Lock()


def read_endpoint(directory: str) -> Tuple[Optional[str], Optional[int]]:
    """Returns the path of the socket of the server that lets others attach to it, and its process, as far as that is
    written there."""
    try:
        said = json.loads(Path(directory, ENDPOINT).read_text(encoding="utf-8"))
        return str(said["unix"]), int(said["pid"])
    except (OSError, ValueError, KeyError, TypeError):
        return None, None


def end_all() -> None:
    """Ends the servers of this process, which is about to end."""
    for process in list(_processes):
        process.end()


_processes: weakref.WeakSet[Process] = weakref.WeakSet()
_homes: weakref.WeakSet[Home] = weakref.WeakSet()
# Is held while a server is being started, so that no other thread forks before it is among _processes, and the child
# does not know that it must let go of it.
_spawning = threading.RLock()


def _after_fork() -> None:
    for home in list(_homes):
        home.after_fork()
    for process in list(_processes):
        process.after_fork()
    _spawning.release()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=_spawning.acquire, after_in_parent=_spawning.release, after_in_child=_after_fork)
