"""Attacks with a GPU visible. A stand-in shows what is let through: device nodes that act like /dev/null."""

from __future__ import annotations

import ctypes
import errno
import fcntl
import os
import stat
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from sandbox_attacks.calls import error_of, libc, open_once

from autograder.sandbox.gpu_paths import GpuPaths

NODES = ("nvidiactl", "nvidia-uvm", "nvidia0")
TOOLS = "nvidia-uvm-tools"
NOT_GIVEN = ("nvidia1", "nvidia-modeset")
DRIVER = "/proc/tty"
"""Stands in for /proc/driver/nvidia, which only a driver can make; it has more than the one file that is given."""
_ASK = 0x5401  # TCGETS: a device that is no terminal answers ENOTTY, if it is asked at all
_GIB = 1 << 30


def stand_in(folder: str) -> GpuPaths:
    """What `find_gpu` would find in `folder`; see `make_stand_in`."""
    return GpuPaths(
        nodes=tuple(f"{folder}/dev/{name}" for name in NODES),
        tools=(f"{folder}/dev/{TOOLS}",),
        files=(f"{folder}/driver/libcuda.so.1",),
        driver=DRIVER,
        driver_files=("drivers",),
        visible="GPU-0",
        library_folder=f"{folder}/driver",
    )


def make_stand_in(folder: Path) -> None:
    """Make device nodes as root (regular files as another user), a library and a pipe as of MPS."""
    (folder / "dev").mkdir()
    for name in (*NODES, TOOLS, *NOT_GIVEN):
        if os.geteuid() == 0:
            os.mknod(folder / "dev" / name, stat.S_IFCHR | 0o666, os.makedev(1, 3))
            (folder / "dev" / name).chmod(0o666)
        else:
            (folder / "dev" / name).touch()
    (folder / "driver").mkdir()
    (folder / "driver/libcuda.so.1").touch()
    (folder / "driver/libvulkan.so.1").touch()
    (folder / "mps").mkdir()
    os.mkfifo(folder / "mps/control")


def _path(facts: Any, name: str) -> str:
    return f"/dev/{name}" if facts["mount"] else f"{facts['gpu']}/dev/{name}"


def _asked(path: str, flags: int = os.O_RDWR) -> str:
    """The error that an ioctl ends with, or opening the device before it."""
    try:
        device = os.open(path, flags)
    except OSError as error:
        return f"open: {errno.errorcode[error.errno or 0]}"
    try:
        return error_of(lambda: fcntl.ioctl(device, _ASK, bytes(60)))
    finally:
        os.close(device)


def use_nodes(facts: Any) -> Any:
    """Ask every node, those that are given and those that are not."""
    names = (*NODES, TOOLS, *NOT_GIVEN)
    others = {
        name: _asked(f"/dev/{name}", os.O_RDONLY) for name in ("null", "zero", "full", "random", "urandom")
    }
    others |= {name: _asked(f"/dev/{name}") for name in ("ptmx", "tty", "kmsg", "mem")}
    is_device = stat.S_ISCHR(os.stat(_path(facts, NODES[0])).st_mode)
    listed = sorted(name for name in os.listdir("/dev") if "nvidia" in name) if facts["mount"] else []
    given = {name: _asked(_path(facts, name)) for name in names}
    return {"given": given, "others": others, "device": is_device, "listed": listed}


def _name_a_thread() -> int:
    """Name another thread, as libcuda does while it starts: the error number, or 0."""
    ended = threading.Event()
    thread = threading.Thread(target=ended.wait)
    thread.start()
    number = int(libc.pthread_setname_np(ctypes.c_ulong(thread.ident or 0), b"cuda00001400006"))
    ended.set()
    thread.join()
    return number


def name_threads(facts: Any) -> Any:
    """Name a thread in this process, and in a fork of it."""
    here = _name_a_thread()
    pid = os.fork()
    if pid == 0:
        os._exit(_name_a_thread())
    return [here, os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])]


def read_driver(facts: Any) -> Any:
    """Read what the driver's folder in /proc and its folder of libraries show."""
    library = os.environ.get("LD_LIBRARY_PATH", "")
    return {
        "given": error_of(lambda: Path(DRIVER, "drivers").read_text()),
        "write": error_of(lambda: open_once(f"{DRIVER}/drivers", os.O_WRONLY)),
        "not given": error_of(lambda: Path(DRIVER, "ldiscs").read_text()),
        "devices": error_of(lambda: Path("/proc/devices").read_text()),
        "library": error_of(lambda: Path(library, "libcuda.so.1").read_bytes()),
        "other library": error_of(lambda: Path(library, "libvulkan.so.1").read_bytes()),
    }


def write_proc(facts: Any) -> Any:
    """Write to what others have in /proc, and to the kernel's own settings."""
    others = [f"/proc/{pid}/{name}" for pid in (1, os.getppid(), facts["victims"]["grader"])
              for name in ("mem", "oom_score_adj", "coredump_filter", "autogroup", "clear_refs")]  # fmt: skip
    found = {path: error_of(lambda path=path: open_once(path, os.O_WRONLY)) for path in others}
    return found | {path: _written(path) for path in _settings() if _opens(path)}


def _settings() -> Iterator[str]:
    """Every file in /proc that belongs to no process."""
    for folder, folders, files in os.walk("/proc"):
        if folder == "/proc":
            folders[:] = [name for name in folders if not name.isdigit() and "self" not in name]
        yield from (f"{folder}/{name}" for name in files)
    yield from ("/proc/sys/kernel/core_pattern", "/proc/sysrq-trigger")  # in case /proc cannot be listed


def _opens(path: str) -> bool:
    return error_of(lambda: open_once(path, os.O_WRONLY | os.O_NONBLOCK)) == "done"


def _written(path: str) -> str:
    file = os.open(path, os.O_WRONLY | os.O_NONBLOCK)
    try:
        return error_of(lambda: os.write(file, b"1"))
    finally:
        os.close(file)


def change_nodes(facts: Any) -> Any:
    """Take a node from others, replace it or make one."""
    node, new = _path(facts, NODES[0]), "nvidia9"
    return {
        "chmod": error_of(lambda: os.chmod(node, 0)),
        "remove": error_of(lambda: os.unlink(node)),
        "replace": error_of(lambda: os.rename(node, node + "x")),
        "mknod": error_of(lambda: os.mknod(new, stat.S_IFCHR | 0o666, os.makedev(195, 1))),
        "mknod in /dev": error_of(
            lambda: os.mknod(_path(facts, new), stat.S_IFCHR | 0o666, os.makedev(195, 1))
        ),
    }


def reserve_addresses(facts: Any) -> Any:
    """Reserve 300 GiB of addresses, as CUDA does while it starts."""
    no_access, private_anonymous_no_reserve = 0, 0x2 | 0x20 | 0x4000
    libc.mmap.restype = ctypes.c_void_p
    arguments = (ctypes.c_size_t(300 * _GIB), no_access, private_anonymous_no_reserve, -1, ctypes.c_long(0))
    return "refused" if libc.mmap(None, *arguments) == ctypes.c_void_p(-1).value else "done"


def reach_pipes(facts: Any) -> Any:
    """Reach the pipes of a server that shares the card between processes (MPS)."""
    places = [f"{facts['gpu']}/mps/control", "/tmp/nvidia-mps/control"]
    return {
        place: error_of(lambda place=place: open_once(place, os.O_RDWR | os.O_NONBLOCK)) for place in places
    }


def leave_caches(facts: Any) -> Any:
    """Leave something where the driver and PyTorch keep compiled kernels: what was found there before."""
    home = Path(os.environ["HOME"])
    places = [home / ".nv/ComputeCache/index", home / ".cache/torch/kernels/x", home / ".triton/cache/x"]
    found = [str(place) for place in places if place.exists()]
    for place in places:
        place.parent.mkdir(parents=True)
        place.write_text("left")
    return found
