"""Namespaces: a world of its own for the warm process, a fresh /tmp for each child.

In the launcher's process: `enter_user`, `leave`, `build_root`. In a child of the warm process:
`fresh_folders`.
"""

from __future__ import annotations

import os
from contextlib import suppress

from autograder.core.limits import MIB, Limits
from autograder.sandbox import kernel
from autograder.sandbox.capabilities import FIRST_UID, SLOTS, Capabilities
from autograder.sandbox.view import View

_STAGE = "/tmp"  # covered by a tmpfs for a moment, in a mount namespace nobody else sees
_DEVICES = ("null", "zero", "full", "random", "urandom")
_LINKS = {"fd": "/proc/self/fd", "stdin": "fd/0", "stdout": "fd/1", "stderr": "fd/2"}
_FRESH = "/.fresh"
SHM = "/dev/shm"
WORK = "/tmp/work"
_QUIET = kernel.MS_NOSUID | kernel.MS_NODEV


def enter_user(*, uids: bool) -> None:
    """A user namespace with one uid a slot (`uids`, for root) or only the starter's own.

    The own uid gets the number FIRST_UID inside, never 0: to be root inside is of no use here.
    """
    if uids:
        _enter_with_range()
        return
    uid, gid = os.geteuid(), os.getegid()
    kernel.unshare(kernel.CLONE_NEWUSER)
    _write("/proc/self/setgroups", "deny")
    _write("/proc/self/uid_map", f"{FIRST_UID} {uid} 1")
    _write("/proc/self/gid_map", f"{FIRST_UID} {gid} 1")


def leave(capabilities: Capabilities) -> None:
    """Leave the outer mounts, network, ipc objects and host name, as far as the form allows."""
    flags = kernel.CLONE_NEWNS if capabilities.mount else 0
    flags |= kernel.CLONE_NEWNET if capabilities.net else 0
    flags |= kernel.CLONE_NEWIPC | kernel.CLONE_NEWUTS if capabilities.ipc else 0
    if flags:
        kernel.unshare(flags)


def build_root(view: View, *, own_proc: bool) -> None:
    """Make a new root that shows the view read-only, and live in it.

    The new root is a mount below the namespace's true one, entered by chroot: the kernel lets
    nobody who is chrooted make a user namespace, and without capabilities there is no way back
    (nothing else would be there: the true root is an empty tmpfs).
    """
    kernel.mount("none", "/", flags=kernel.MS_REC | kernel.MS_PRIVATE)
    _tmpfs(_STAGE, "mode=755,size=64k")
    os.umask(0o022)
    for name in ("old", "new"):
        os.mkdir(f"{_STAGE}/{name}", 0o755)
    kernel.pivot_root(_STAGE, f"{_STAGE}/old")
    os.chdir("/")
    _tmpfs("/new", "mode=755,size=1m")
    _make_own_folders()
    for path in view.binds:
        _show(path)
    for link, target in view.links:
        os.makedirs(os.path.dirname(f"/new{link}"), 0o755, exist_ok=True)
        with suppress(FileExistsError):
            os.symlink(target, f"/new{link}")
    _mount_proc(own=own_proc)
    kernel.unmount("/old")
    os.rmdir("/old")
    for mount in ("/new/dev", "/new", "/"):
        kernel.harden(mount, recursive=False)
    os.chroot("/new")
    os.chdir("/")


def fresh_folders(limits: Limits, view: View, *, uid: int, ipc: bool) -> None:
    """In a child of the warm process: empty /tmp and /dev/shm with quotas, and ipc of its own.

    What is shown below /tmp (an engine installed there, say) stays.
    """
    kernel.unshare(kernel.CLONE_NEWNS | (kernel.CLONE_NEWIPC if ipc else 0))
    quota = f"mode=1777,size={limits.tmp_bytes},nr_inodes={limits.tmp_files}"
    _tmpfs(_FRESH, quota)
    for path in view.binds:
        if path.startswith("/tmp/"):
            target = f"{_FRESH}{path.removeprefix('/tmp')}"
            _mount_point(path, target)
            kernel.bind(path, target)
    kernel.mount(_FRESH, "/tmp", flags=kernel.MS_MOVE)
    _tmpfs(SHM, quota)
    os.mkdir(WORK, 0o700)
    os.chown(WORK, uid, uid)


def _enter_with_range() -> None:
    """The maps of more than one uid are written by someone with privileges outside: a helper."""
    inside_read, inside_write = os.pipe()
    parent = os.getpid()
    helper = os.fork()
    if helper == 0:
        status = 1
        try:
            os.close(inside_write)
            if os.read(inside_read, 1):
                for kind in ("uid_map", "gid_map"):
                    _write(f"/proc/{parent}/{kind}", f"0 0 1\n{FIRST_UID} {FIRST_UID} {SLOTS}\n")
                status = 0
        except OSError as error:
            status = error.errno or 1
        finally:
            os._exit(status)
    os.close(inside_read)
    try:
        kernel.unshare(kernel.CLONE_NEWUSER)
        os.write(inside_write, b".")
    finally:
        os.close(inside_write)
        _, status = os.waitpid(helper, 0)
    if number := os.waitstatus_to_exitcode(status):
        raise OSError(number, f"uid_map: {os.strerror(number)}")


def _write(path: str, text: str) -> None:
    """One write call, as the map files demand."""
    file = os.open(path, os.O_WRONLY | os.O_CLOEXEC)
    try:
        os.write(file, text.encode())
    finally:
        os.close(file)


def _tmpfs(target: str, options: str) -> None:
    kernel.mount("tmpfs", target, "tmpfs", _QUIET, options)


def _make_own_folders() -> None:
    """/dev, /proc, /tmp of the new root, before the binds: a bind may lie below /tmp."""
    for name in ("dev", "proc", "tmp", _FRESH.strip("/")):
        os.mkdir(f"/new/{name}", 0o755)
    kernel.mount("tmpfs", "/new/dev", "tmpfs", kernel.MS_NOSUID, "mode=755,size=64k")
    for name in _DEVICES:
        _mount_point(f"/old/dev/{name}", f"/new/dev/{name}")
        kernel.bind(f"/old/dev/{name}", f"/new/dev/{name}")
    for name, target in _LINKS.items():
        os.symlink(target, f"/new/dev/{name}")
    os.mkdir("/new/dev/shm", 0o755)
    # The warm process's own; its children cover both with theirs.
    _tmpfs("/new/dev/shm", f"mode=1777,size={64 * MIB}")
    _tmpfs("/new/tmp", f"mode=1777,size={64 * MIB}")


def _show(path: str) -> None:
    _mount_point(f"/old{path}", f"/new{path}")
    kernel.bind(f"/old{path}", f"/new{path}")
    kernel.harden(f"/new{path}", recursive=True)


def _mount_point(source: str, target: str) -> None:
    """An empty folder or file to mount `source` on; all folders on the way are 0755."""
    if os.path.isdir(source):
        os.makedirs(target, 0o755, exist_ok=True)
        return
    os.makedirs(os.path.dirname(target), 0o755, exist_ok=True)
    os.close(os.open(target, os.O_CREAT | os.O_WRONLY | os.O_CLOEXEC, 0o644))


def _mount_proc(*, own: bool) -> None:
    """Own /proc, in which other users' processes are hidden; else the outer one, read-only."""
    if own:
        flags = _QUIET | kernel.MS_NOEXEC
        kernel.mount("proc", "/new/proc", "proc", flags, "hidepid=2")
    else:
        kernel.bind("/old/proc", "/new/proc")
        kernel.harden("/new/proc", recursive=True)
