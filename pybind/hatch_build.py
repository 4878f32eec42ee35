"""Puts the program middb into the wheel, if MIDDB_BUNDLE=1, and says in its name where it runs.

The program is built with Go from the module around this folder, or is the file that MIDDB_BUNDLE_BINARY names. GOOS and
GOARCH choose the platform; the default is this machine's. Without MIDDB_BUNDLE the wheel is pure Python, and Database
looks for the program on the PATH."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import Any, Dict

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

# The program is linked statically (CGO_ENABLED=0), so that it needs no C library: neither glibc nor musl. What it
# needs is a kernel that Go supports; those of manylinux 2.17 and musllinux 1.1 are newer.
LINUX = "manylinux_2_17_{0}.manylinux2014_{0}.musllinux_1_1_{0}"
PLATFORMS = {
    ("linux", "amd64"): LINUX.format("x86_64"),
    ("linux", "arm64"): LINUX.format("aarch64"),
    ("darwin", "amd64"): "macosx_12_0_x86_64",
    ("darwin", "arm64"): "macosx_12_0_arm64",
}


class BundleHook(BuildHookInterface[Any]):
    """The hook that hatchling calls."""

    def initialize(self, version: str, build_data: Dict[str, Any]) -> None:
        """Builds the program before the wheel is put together."""
        if self.target_name != "wheel" or version == "editable" or os.environ.get("MIDDB_BUNDLE") != "1":
            return
        self._scratch = tempfile.mkdtemp(prefix="middb-wheel-")
        program = Path(self._scratch, "middb")
        platform = _go_env("GOOS"), _go_env("GOARCH")
        if platform not in PLATFORMS:
            known = ", ".join("/".join(p) for p in PLATFORMS)
            raise RuntimeError(f"no wheel is made for {'/'.join(platform)}; known are {known}")
        given = os.environ.get("MIDDB_BUNDLE_BINARY")
        if given:
            shutil.copy2(given, program)
        else:
            _go_build(Path(self.root).parent, program)
        build_data["pure_python"] = False
        build_data["tag"] = f"py3-none-{PLATFORMS[platform]}"
        build_data["force_include"][str(program)] = "middb/bin/middb"

    def finalize(self, version: str, build_data: Dict[str, Any], artifact_path: str) -> None:
        """Removes what initialize has made."""
        scratch = getattr(self, "_scratch", None)
        if scratch:
            shutil.rmtree(scratch, ignore_errors=True)


def _go_env(name: str) -> str:
    return subprocess.run(["go", "env", name], check=True, capture_output=True, text=True).stdout.strip()


def _go_build(module: Path, program: Path) -> None:
    if not (module / "go.mod").exists():
        raise RuntimeError(f"{module} has no go.mod: build the wheel in a clone of middb, or set MIDDB_BUNDLE_BINARY")
    subprocess.run(
        ["go", "build", "-trimpath", "-ldflags=-s -w", "-o", str(program), "./cmd/middb"],
        check=True,
        cwd=module,
        env={**os.environ, "CGO_ENABLED": "0"},
    )
