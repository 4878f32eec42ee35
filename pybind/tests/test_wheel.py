"""The wheel with the program in it, installed where there is nothing else."""

from __future__ import annotations

import os
import platform
import subprocess
import sys
import venv
from pathlib import Path
from typing import Dict, List, Optional

import pytest

from running import ROOT, binary

PROGRAM = """
import middb, os, sys
from middb import _home
assert _home.find_binary().startswith(sys.prefix), _home.find_binary()
with middb.Database(sys.argv[1]) as db:
    db["k"] = "v"
    with db.transaction() as txn:
        txn.incr("n", 41)
    print(db["k"].decode(), db.counter("n"))
assert os.path.exists(os.path.join(os.path.dirname(middb.__file__), "py.typed"))
"""


@pytest.mark.wheel
@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="the test knows the names of wheels for Linux only")
def test_the_wheel_works_offline_in_an_empty_environment(tmp_path: Path) -> None:
    wheels = tmp_path / "wheels"
    pip("download", "--quiet", "--no-deps", "--dest", str(wheels), "msgpack", why_skip="msgpack cannot be downloaded")
    build(wheels)
    (wheel,) = wheels.glob("middb-*.whl")
    assert f"manylinux2014_{platform.machine()}" in wheel.name
    empty = tmp_path / "venv"
    venv.create(empty, with_pip=True)
    python = str(empty / "bin" / "python")
    # Nothing is looked for elsewhere: not on an index, not on the PATH, not in this package's source.
    offline = {"PATH": "/nowhere", "PIP_NO_INDEX": "1", "HOME": str(tmp_path), "TMPDIR": str(tmp_path.parent)}
    run([python, "-m", "pip", "install", "--quiet", "--no-index", "--find-links", str(wheels), "middb"], offline)
    assert run([python, "-W", "error", "-c", PROGRAM, str(tmp_path / "data")], offline) == "v 41\n"


def build(wheels: Path) -> None:
    bundle = {**os.environ, "MIDDB_BUNDLE": "1", "MIDDB_BUNDLE_BINARY": os.path.abspath(binary())}
    command = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(wheels)]
    run([*command, str(ROOT / "pybind")], bundle)


def pip(*arguments: str, why_skip: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "pip", *arguments], capture_output=True, text=True, timeout=120, check=False
    )
    if done.returncode != 0:
        pytest.skip(f"{why_skip}: {done.stderr.strip()[-300:]}")


def run(command: List[str], environment: Optional[Dict[str, str]] = None) -> str:
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout
