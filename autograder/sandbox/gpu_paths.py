"""What CUDA needs of this machine: device nodes, the driver's libraries, a few files in /proc and /sys.

It is what NVIDIA's container runtime mounts for computing (libnvidia-container: nvc_info.c, nvc_mount.c),
less what CUDA does without: gVisor runs it with nvidiactl, the cards, nvidia-uvm and the driver's parameters
(its proposal "Nvidia Driver Proxy"). nvidia-modeset is for displays, nvidia-caps for MIG slices and clusters.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from autograder.sandbox.capabilities import SandboxError

DRIVER = "/proc/driver/nvidia"
_INSTEAD = "or grade with --device cpu"
_DRIVER_FILES = ("params", "version", "registry")
_MEMORY_BLOCKS = "/sys/devices/system/memory/block_size_bytes"
# The dynamic linker looks there by itself, and in the folders of its cache; in the others only if it is told.
_KNOWN_TO_LINKER = ("/lib64", "/usr/lib64", "/lib", "/usr/lib")
_OTHER_FOLDERS = (
    "/usr/lib64-nvidia", "/usr/local/nvidia/lib64", "/run/opengl-driver/lib", "/.singularity.d/libs",
)  # fmt: skip
# CUDA itself, what it loads to compile kernels, and the library that PyTorch asks about the card.
_LIBRARIES = (
    "libcuda.so", "libnvidia-ptxjitcompiler.so", "libnvidia-nvvm", "libnvidia-gpucomp.so",
    "libnvidia-fatbinaryloader.so", "libnvidia-ml.so",
)  # fmt: skip
_ELF_64 = b"\x7fELF\x02"


@dataclass(frozen=True)
class GpuPaths:
    """What the sandbox lets through for the visible cards, and nothing else."""

    nodes: tuple[str, ...]
    """Device nodes to read and write, with ioctl."""
    tools: tuple[str, ...] = ()
    """Nodes that CUDA works without if they do not exist, but not if it may not open them: libcuda then gives
    up with error 304 (reported for nvidia-uvm-tools and driver 570). So they are hidden or let through."""
    files: tuple[str, ...] = ()
    """Libraries, and files in /sys, to read."""
    driver_files: tuple[str, ...] = ()
    """Files below `driver` to read."""
    driver: str = DRIVER
    visible: str = ""
    """The value for CUDA_VISIBLE_DEVICES that names just these cards, in any order of CUDA's."""
    library_folder: str = ""
    """The folder of libcuda if the dynamic linker has to be told about it with LD_LIBRARY_PATH."""

    @classmethod
    def restored(cls, record: Mapping[str, Any]) -> GpuPaths:
        """From the plain values of `dataclasses.asdict`, after JSON has made lists of the tuples."""
        values: dict[str, Any] = {
            name: tuple(value) if isinstance(value, list) else value for name, value in record.items()
        }
        return cls(**values)


class _Card(NamedTuple):
    bus: str
    """Its place on the PCI bus, which names its folder in /proc; empty if there is none."""
    minor: int
    uuid: str


def find_gpu(*, own_uid: bool, root: str = "", environ: Mapping[str, str] = os.environ) -> GpuPaths:
    """What CUDA needs here for the cards that `environ` lets it see, below the folder `root`.

    `own_uid` says whether student code has its own uid, which then must be able to open the nodes.
    Raises SandboxError if something is missing, or if it is a kind of GPU that is not supported.
    """
    control = f"{root}/dev/nvidiactl"
    if not os.path.exists(control):
        raise SandboxError(_no_driver(root, control))
    cards = _selected(_cards(root), environ)
    nodes = [control, f"{root}/dev/nvidia-uvm", *(f"{root}/dev/nvidia{card.minor}" for card in cards)]
    for node in nodes:
        _refuse_unusable(node, own_uid=own_uid)
    driver = f"{root}{DRIVER}"
    if not os.path.exists(f"{driver}/params"):
        raise SandboxError(
            f"{driver}/params, which CUDA reads, does not exist: load NVIDIA's driver, {_INSTEAD}"
        )
    for card in cards:
        _refuse_slices(driver, card)
    library, told = _find_libcuda(root, environ)
    named = [*_DRIVER_FILES, *(f"gpus/{card.bus}/information" for card in cards if card.bus)]
    return GpuPaths(
        nodes=tuple(nodes),
        tools=tuple(_existing(f"{root}/dev/nvidia-uvm-tools")),
        files=(*_libraries(library), *_existing(f"{root}{_MEMORY_BLOCKS}")),
        driver_files=tuple(name for name in named if os.path.exists(f"{driver}/{name}")),
        driver=driver,
        visible=_names(cards),
        library_folder=library if told else "",
    )


def _no_driver(root: str, control: str) -> str:
    """Why there is no NVIDIA card here, as far as that can be seen."""
    if os.path.exists(f"{root}/dev/dxg"):
        return (
            f"WSL's way to the GPU is {root}/dev/dxg, which serves all of Windows' graphics and is closed to"
            f" student code: grade on Linux itself, {_INSTEAD}"
        )
    if os.path.exists(f"{root}/dev/kfd"):
        return f"{root}/dev/kfd belongs to an AMD GPU, and only NVIDIA's are supported: use one, {_INSTEAD}"
    return (
        f"{control} does not exist: load NVIDIA's driver, or start the container with its GPUs"
        f" (`docker run --gpus all`), {_INSTEAD}"
    )


def _cards(root: str) -> list[_Card]:
    """The cards that have a node here, by their place on the PCI bus."""
    found = []
    folder = f"{root}{DRIVER}/gpus"
    for bus in sorted(os.listdir(folder)) if os.path.isdir(folder) else []:
        with open(f"{folder}/{bus}/information") as file:
            pairs = [line.split(":", 1) for line in file if ":" in line]
        facts = {name.strip(): value.strip() for name, value in pairs}
        if facts.get("Device Minor", "").isdigit():
            found.append(_Card(bus, int(facts["Device Minor"]), facts.get("GPU UUID", "")))
    if not found:
        names = (
            name.removeprefix("nvidia") for name in os.listdir(f"{root}/dev") if name.startswith("nvidia")
        )
        found = [_Card("", minor, "") for minor in sorted(int(name) for name in names if name.isdigit())]
    cards = [card for card in found if os.path.exists(f"{root}/dev/nvidia{card.minor}")]
    if not cards:
        raise SandboxError(
            f"{root}/dev/nvidia0 does not exist, nor any other card: give this machine one, {_INSTEAD}"
        )
    return cards


def _selected(cards: list[_Card], environ: Mapping[str, str]) -> list[_Card]:
    """Those cards that CUDA_VISIBLE_DEVICES names; all of them if it is not set."""
    wanted = environ.get("CUDA_VISIBLE_DEVICES")
    if wanted is None:
        return cards
    selected = []
    for name in wanted.split(","):
        if name.strip().startswith("MIG-"):
            raise SandboxError(_slices(f"CUDA_VISIBLE_DEVICES={wanted}"))
        ordered = len(cards) == 1 or environ.get("CUDA_DEVICE_ORDER") == "PCI_BUS_ID"
        if name.strip().isdigit() and not ordered:
            raise SandboxError(
                f"CUDA_VISIBLE_DEVICES={wanted} does not say which of the {len(cards)} cards it means: name"
                " it as `nvidia-smi -L` does (GPU-...), or set CUDA_DEVICE_ORDER=PCI_BUS_ID too"
            )
        card = _named(cards, name.strip())
        if card is None:
            break  # as CUDA does: what follows an unknown name does not count
        selected.append(card)
    if not selected:
        raise SandboxError(f"CUDA_VISIBLE_DEVICES={wanted} hides every GPU: name one, {_INSTEAD}")
    return selected


def _named(cards: list[_Card], name: str) -> _Card | None:
    if name.isdigit():
        return cards[int(name)] if int(name) < len(cards) else None
    return next((card for card in cards if name.startswith("GPU-") and card.uuid.startswith(name)), None)


def _names(cards: list[_Card]) -> str:
    """The cards' UUIDs; where the driver does not show them, their numbers among the visible cards."""
    known = all(card.uuid and "?" not in card.uuid for card in cards)
    return ",".join(card.uuid if known else str(number) for number, card in enumerate(cards))


def _refuse_unusable(node: str, *, own_uid: bool) -> None:
    if not os.path.exists(node):
        make = "`nvidia-modprobe -u -c=0`, as root, makes it" if node.endswith("-uvm") else "make it"
        raise SandboxError(f"{node}, which CUDA needs, does not exist: {make}, {_INSTEAD}")
    usable = os.stat(node).st_mode & 0o006 == 0o006 if own_uid else os.access(node, os.R_OK | os.W_OK)
    if not usable:
        raise SandboxError(f"{node} is closed to student code: `chmod o+rw {node}`, {_INSTEAD}")


def _refuse_slices(driver: str, card: _Card) -> None:
    folder = f"{driver}/capabilities/gpu{card.minor}/mig"
    if os.path.isdir(folder) and any(name.startswith("gi") for name in os.listdir(folder)):
        raise SandboxError(_slices(f"the card {card.uuid or card.minor}"))


def _slices(what: str) -> str:
    return f"{what} stands for a slice of a card (MIG), which is not supported: use a whole card, {_INSTEAD}"


def _find_libcuda(root: str, environ: Mapping[str, str]) -> tuple[str, bool]:
    """The folder of the libcuda.so.1 that would be loaded, and whether the linker has to be told about it."""
    for folder, told in _library_folders(root, environ):
        path = f"{folder}/libcuda.so.1"
        if os.path.exists(path):
            with open(path, "rb") as file:
                if file.read(5) == _ELF_64 or sys.maxsize < 2**32:
                    return folder, told
    raise SandboxError(
        "libcuda.so.1, the library of NVIDIA's driver, is in none of the folders where programs look for it:"
        f" install the driver, set LD_LIBRARY_PATH to its folder, {_INSTEAD}"
    )


def _library_folders(root: str, environ: Mapping[str, str]) -> Iterator[tuple[str, bool]]:
    import re  # here because bootstrap.py has to be quick, and never calls this

    yield from ((folder, True) for folder in environ.get("LD_LIBRARY_PATH", "").split(":") if folder)
    try:
        with open(f"{root}/etc/ld.so.cache", "rb") as file:
            cached = re.findall(rb"(/[^\0]*)/libcuda\.so\.1\0", file.read())
    except OSError:
        cached = []
    yield from ((root + os.fsdecode(folder), False) for folder in cached)
    yield from ((f"{root}{folder}", False) for folder in _KNOWN_TO_LINKER)
    yield f"{root}/usr/lib/{os.uname().machine}-linux-gnu", False
    yield from ((f"{root}{folder}", True) for folder in _OTHER_FOLDERS)


def _libraries(folder: str) -> list[str]:
    """The driver's libraries in this folder that CUDA loads."""
    return [f"{folder}/{name}" for name in sorted(os.listdir(folder)) if name.startswith(_LIBRARIES)]


def _existing(*paths: str) -> list[str]:
    return [path for path in paths if os.path.exists(path)]
