"""Which part of the file system the sandbox shows: what to bind, and which links to recreate."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from autograder.sandbox.capabilities import SandboxError
from autograder.sandbox.gpu_paths import GpuPaths

if TYPE_CHECKING:
    from pathlib import Path

_SYSTEM = (
    "/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32", "/etc/passwd", "/etc/group",
    "/etc/nsswitch.conf", "/etc/ld.so.cache", "/etc/ld.so.conf", "/etc/ld.so.conf.d",
    "/etc/alternatives", "/etc/fonts", "/etc/localtime", "/etc/mime.types", "/etc/ssl/certs",
    "/sys/devices/system/cpu", "/sys/devices/system/node", "/nix/store",
)  # fmt: skip
# Every sandbox has its own, so nothing from the outer ones can be shown.
_OWN = ("/proc", "/dev")
_MOST_LINKS = 40


@dataclass(frozen=True)
class View:
    """Real paths to bind, outermost only, and the symbolic links outside them with their targets."""

    binds: tuple[str, ...]
    links: tuple[tuple[str, str], ...]
    gpu: GpuPaths | None = None
    """What a GPU needs, where student code may use one."""


def system_paths() -> list[Path]:
    """What every Python process needs to read: libraries, fonts, this interpreter and its packages."""
    import sysconfig  # both imported here: bootstrap.py has to be quick, and never calls this
    from pathlib import Path

    named = [*_SYSTEM, sys.prefix, sys.base_prefix, sys.exec_prefix, sys.base_exec_prefix]
    named += [sysconfig.get_path(name) for name in ("stdlib", "platstdlib", "purelib", "platlib")]
    return [Path(name) for name in dict.fromkeys(named) if name and os.path.exists(name)]


def view(paths: Iterable[str]) -> View:
    """Resolve `paths` as the kernel would; skip those that do not exist.

    Raises SandboxError for the root itself and for anything in /proc or /dev, which are never shown.
    """
    links: dict[str, str] = {}
    found = {real for path in paths if (real := _follow(path, links)) is not None}
    for path in found:
        if path == "/" or any(_below(path, own) for own in _OWN):
            raise SandboxError(f"{path} cannot be shown to student code: name only what is needed from it")
    binds = _outermost(found)
    outside = {
        link: target
        for link, target in links.items()
        if not any(_below(link, bound) for bound in (*binds, *_OWN))
    }
    return View(tuple(binds), tuple(sorted(outside.items())))


def closed_folder(paths: Iterable[str]) -> str | None:
    """A folder on the way to one of `paths` that other users may not enter, or None."""
    for path in paths:
        folder = os.path.realpath(path)
        while folder != "/":
            folder = os.path.dirname(folder)
            if os.path.exists(folder) and not os.stat(folder).st_mode & 0o001:
                return folder
    return None


def _follow(path: str, links: dict[str, str]) -> str | None:
    """The real path of `path`, or None if it does not exist; adds every link on the way to `links`."""
    here, rest, hops = "/", path.split("/")[::-1], 0
    while rest:
        part = rest.pop()
        if part in ("", "."):
            continue
        if part == "..":
            here = os.path.dirname(here)
            continue
        step = os.path.join(here, part)
        if not os.path.islink(step):
            here = step
            continue
        target, hops = os.readlink(step), hops + 1
        if hops > _MOST_LINKS:
            return None
        links[step] = target
        here = "/" if target.startswith("/") else here
        rest += target.split("/")[::-1]
    return here if os.path.exists(here) else None


def _outermost(paths: Iterable[str]) -> list[str]:
    outermost: list[str] = []
    for path in sorted(paths, key=len):
        if not any(_below(path, outer) for outer in outermost):
            outermost.append(path)
    return outermost


def _below(path: str, folder: str) -> bool:
    return path == folder or path.startswith(folder + "/")
