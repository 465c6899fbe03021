"""Namespaces: a file system and network of its own for the fork server, a fresh /tmp for each child.

The supervisor calls `enter_user`; the fork server, before its exec, `leave` and `build_root`; each child of
the fork server `fresh_folders`.
"""

from __future__ import annotations

import os
from contextlib import suppress

from autograder.core.limits import MIB, Limits
from autograder.sandbox import kernel
from autograder.sandbox.capabilities import FIRST_UID, SLOTS, Capabilities
from autograder.sandbox.gpu_paths import GpuPaths
from autograder.sandbox.view import View

_STAGE = "/tmp"  # covered by a tmpfs for a moment, in a mount namespace that nobody else sees
_DEVICES = ("null", "zero", "full", "random", "urandom")
_LINKS = {"fd": "/proc/self/fd", "stdin": "fd/0", "stdout": "fd/1", "stderr": "fd/2"}
_FRESH = "/.fresh"
SHM = "/dev/shm"
WORK = "/tmp/work"
_NOSUID_NODEV = kernel.MS_NOSUID | kernel.MS_NODEV


def enter_user(*, uids: bool) -> None:
    """Enter a user namespace with one uid for each slot (`uids`, needs root) or with only our own.

    Our own uid becomes FIRST_UID inside, never 0: nothing here needs to be root inside.
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
    """Leave the outer mounts, network, ipc objects and host name, as far as `capabilities` allow."""
    flags = kernel.CLONE_NEWNS if capabilities.mount else 0
    flags |= kernel.CLONE_NEWNET if capabilities.net else 0
    flags |= kernel.CLONE_NEWIPC | kernel.CLONE_NEWUTS if capabilities.ipc else 0
    if flags:
        kernel.unshare(flags)


def build_root(view: View, *, own_proc: bool) -> None:
    """Build a new root that shows the view read-only, and move into it.

    The new root is a mount below the namespace's real one, entered by chroot: the kernel lets no
    chrooted process create a user namespace, and without capabilities there is no way back out.
    There would be nothing to find anyway: the real root is an empty tmpfs.
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
    _mount_proc(own=own_proc, read_only=view.gpu is None)  # libcuda writes the names of its threads there
    if view.gpu is not None:
        _show_gpu(view.gpu)
    kernel.unmount("/old")
    os.rmdir("/old")
    for mount in ("/new/dev", "/new", "/"):
        kernel.harden(mount, recursive=False)
    os.chroot("/new")
    os.chdir("/")


def inside(node: str) -> str:
    """Where the new root has this device node."""
    return f"/dev/{os.path.basename(node)}"


def fresh_folders(limits: Limits, view: View, *, uid: int, ipc: bool) -> None:
    """In a child of the fork server: mount an empty /tmp and /dev/shm with quotas.

    If `ipc`, also enter an ipc namespace of its own. What the view shows below /tmp (a package installed
    there, say) stays.
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
    """Enter a user namespace of many uids. A helper writes the maps, since that needs privileges outside."""
    ready_read, ready_write = os.pipe()
    parent = os.getpid()
    helper = os.fork()
    if helper == 0:
        status = 1
        try:
            os.close(ready_write)
            if os.read(ready_read, 1):
                for kind in ("uid_map", "gid_map"):
                    _write(f"/proc/{parent}/{kind}", f"0 0 1\n{FIRST_UID} {FIRST_UID} {SLOTS}\n")
                status = 0
        except OSError as error:
            status = error.errno or 1
        finally:
            os._exit(status)
    os.close(ready_read)
    try:
        kernel.unshare(kernel.CLONE_NEWUSER)
        os.write(ready_write, b".")
    finally:
        os.close(ready_write)
        _, status = os.waitpid(helper, 0)
    if number := os.waitstatus_to_exitcode(status):
        raise OSError(number, f"uid_map: {os.strerror(number)}")


def _write(path: str, text: str) -> None:
    """Write `text` in a single call, as the map files require."""
    file = os.open(path, os.O_WRONLY | os.O_CLOEXEC)
    try:
        os.write(file, text.encode())
    finally:
        os.close(file)


def _tmpfs(target: str, options: str) -> None:
    kernel.mount("tmpfs", target, "tmpfs", _NOSUID_NODEV, options)


def _make_own_folders() -> None:
    """Make /dev, /proc and /tmp of the new root, before the binds: a bind may be below /tmp."""
    for name in ("dev", "proc", "tmp", _FRESH.strip("/")):
        os.mkdir(f"/new/{name}", 0o755)
    kernel.mount("tmpfs", "/new/dev", "tmpfs", kernel.MS_NOSUID, "mode=755,size=64k")
    for name in _DEVICES:
        _mount_point(f"/old/dev/{name}", f"/new/dev/{name}")
        kernel.bind(f"/old/dev/{name}", f"/new/dev/{name}")
    for name, target in _LINKS.items():
        os.symlink(target, f"/new/dev/{name}")
    os.mkdir("/new/dev/shm", 0o755)
    # For the fork server itself; its children cover both with their own.
    _tmpfs("/new/dev/shm", f"mode=1777,size={64 * MIB}")
    _tmpfs("/new/tmp", f"mode=1777,size={64 * MIB}")


def _show(path: str) -> None:
    _mount_point(f"/old{path}", f"/new{path}")
    kernel.bind(f"/old{path}", f"/new{path}")
    kernel.harden(f"/new{path}", recursive=True)


def _show_gpu(gpu: GpuPaths) -> None:
    """Bind a GPU's device nodes, and cover the driver's folder in /proc by copies of what CUDA reads there.

    NVIDIA's container runtime does the same: the other cards are not shown, and libcuda is told not to make
    device nodes itself, which it would try (and fail) for those that are missing.
    """
    for node in gpu.nodes:
        _mount_point(f"/old{node}", f"/new{inside(node)}")
        kernel.bind(f"/old{node}", f"/new{inside(node)}")
    for name in ("sys", "pressure"):  # the rest of /proc may be written where Landlock lets threads be named
        folder = f"/new/proc/{name}"
        if os.path.isdir(folder):
            kernel.bind(folder, folder)
            kernel.harden(folder, recursive=True)
    driver = f"/new{gpu.driver}"
    if not os.path.isdir(driver):  # the driver's files are below a folder that is shown
        return
    texts = {name: _driver_text(f"/old{gpu.driver}/{name}") for name in gpu.driver_files}
    _tmpfs(driver, "mode=755,size=1m")
    for name, text in texts.items():
        os.makedirs(os.path.dirname(f"{driver}/{name}"), 0o755, exist_ok=True)
        with open(f"{driver}/{name}", "w") as file:
            file.write(text)
    kernel.harden(driver, recursive=False)


def _driver_text(path: str) -> str:
    """What the driver says in this file, except that libcuda is told not to make device nodes."""
    with open(path) as file:
        return file.read().replace("ModifyDeviceFiles: 1", "ModifyDeviceFiles: 0")


def _mount_point(source: str, target: str) -> None:
    """Make an empty folder or file to mount `source` on; the folders leading to it get mode 0755."""
    if os.path.isdir(source):
        os.makedirs(target, 0o755, exist_ok=True)
        return
    os.makedirs(os.path.dirname(target), 0o755, exist_ok=True)
    os.close(os.open(target, os.O_CREAT | os.O_WRONLY | os.O_CLOEXEC, 0o644))


def _mount_proc(*, own: bool, read_only: bool) -> None:
    """Mount a /proc of our own, which hides other users' processes, or else the outer one."""
    if own:
        flags = _NOSUID_NODEV | kernel.MS_NOEXEC
        kernel.mount("proc", "/new/proc", "proc", flags, "hidepid=2")
    else:
        kernel.bind("/old/proc", "/new/proc")
        if read_only:
            kernel.harden("/new/proc", recursive=True)
