"""What is found for CUDA on a machine, in a tree of files that looks like one; and what is refused, and how."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

import pytest

from autograder.core.limits import Limits
from autograder.sandbox import enter, landlock, launch, namespaces, syscalls
from autograder.sandbox.capabilities import Capabilities, SandboxError
from autograder.sandbox.gpu_paths import GpuPaths, find_gpu
from autograder.sandbox.view import View

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the sandbox needs Linux")

UUIDS = ("GPU-3291dfa4-fcc4-0110-615b-c894a0d7c689", "GPU-77aa0000-0000-0000-0000-000000000001")
LIBRARIES = (
    "libcuda.so.1", "libcuda.so.570.1", "libnvidia-ptxjitcompiler.so.1", "libnvidia-nvvm.so.4", "libnvidia-ml.so.1",
    "libnvidia-glcore.so.570.1", "libvdpau_nvidia.so", "libnvidia-encode.so.1",
)  # fmt: skip
ALL = Capabilities(
    linux=True, root=True, uids=True, mount=True, pid=True, net=True, ipc=True, proc=True, landlock=7
)


def make(path: Path, text: str = "") -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def machine(root: Path, cards: int = 1, libraries: str = "usr/lib64", cached: bool = False) -> Path:
    """A machine with NVIDIA's driver and this many cards."""
    for name in ("nvidiactl", "nvidia-uvm", "nvidia-uvm-tools", "nvidia-modeset", "nvidia-caps/nvidia-cap1"):
        make(root / "dev" / name)
    driver = root / "proc/driver/nvidia"
    make(driver / "params", "ModifyDeviceFiles: 1\n")
    make(driver / "version")
    for number in range(cards):
        # The minor numbers are in the opposite order of the places on the bus.
        minor = cards - 1 - number
        make(root / f"dev/nvidia{minor}")
        text = f"Model: \t\t NVIDIA L4\nGPU UUID: \t {UUIDS[number]}\nDevice Minor: \t {minor}\n"
        make(driver / f"gpus/0000:{number}1:00.0/information", text)
    for path in (root / "dev").glob("nvidia*"):
        path.chmod(0o666 if path.is_file() else 0o755)
    for name in LIBRARIES:
        make(root / libraries / name, "\x7fELF\x02")
    make(root / "sys/devices/system/memory/block_size_bytes")
    make(root / "etc/ld.so.cache", f"glibc-ld.so.cache1.1\0/{libraries}/libcuda.so.1\0" if cached else "")
    return root


def found(root: Path, **environ: str) -> GpuPaths:
    return find_gpu(own_uid=True, root=str(root), environ=environ)


def relative(root: Path, paths: tuple[str, ...]) -> list[str]:
    return [os.path.relpath(path, root) for path in paths]


def test_exactly_what_cuda_needs_is_found(tmp_path: Path) -> None:
    gpu = found(machine(tmp_path))
    assert relative(tmp_path, gpu.nodes) == ["dev/nvidiactl", "dev/nvidia-uvm", "dev/nvidia0"]
    assert relative(tmp_path, gpu.tools) == ["dev/nvidia-uvm-tools"]
    assert relative(tmp_path, gpu.files) == [
        "usr/lib64/libcuda.so.1", "usr/lib64/libcuda.so.570.1", "usr/lib64/libnvidia-ml.so.1",
        "usr/lib64/libnvidia-nvvm.so.4", "usr/lib64/libnvidia-ptxjitcompiler.so.1",
        "sys/devices/system/memory/block_size_bytes",
    ]  # fmt: skip
    assert gpu.driver_files == ("params", "version", "gpus/0000:01:00.0/information")
    assert (gpu.visible, gpu.library_folder) == (UUIDS[0], "")


@pytest.mark.parametrize(
    ("folder", "cached", "told"),
    [
        ("usr/lib/x86_64-linux-gnu/nvidia/current", True, False),  # Debian
        ("lib64", False, False),
        ("usr/local/nvidia/lib64", False, True),  # Kubernetes on Google's machines
        ("run/opengl-driver/lib", False, True),  # NixOS
        (".singularity.d/libs", False, True),  # Apptainer
    ],
)
def test_libraries_are_found_wherever_they_are_mounted(
    tmp_path: Path, folder: str, cached: bool, told: bool
) -> None:
    gpu = found(machine(tmp_path, libraries=folder, cached=cached))
    assert f"{folder}/libcuda.so.1" in relative(tmp_path, gpu.files)
    assert gpu.library_folder == (str(tmp_path / folder) if told else "")


def test_the_folder_that_the_user_names_comes_first(tmp_path: Path) -> None:
    machine(tmp_path)
    make(tmp_path / "compat/libcuda.so.1", "\x7fELF\x02")
    gpu = found(tmp_path, LD_LIBRARY_PATH=f"{tmp_path}/empty:{tmp_path}/compat")
    assert gpu.library_folder == str(tmp_path / "compat")
    assert relative(tmp_path, gpu.files)[:1] == ["compat/libcuda.so.1"]


def test_a_library_for_another_word_length_is_passed_over(tmp_path: Path) -> None:
    machine(tmp_path, libraries="usr/lib64")
    make(tmp_path / "lib64/libcuda.so.1", "\x7fELF\x01")
    assert "usr/lib64/libcuda.so.1" in relative(tmp_path, found(tmp_path).files)


@pytest.mark.parametrize(
    ("environ", "nodes", "visible"),
    [
        ({}, ["nvidia1", "nvidia0"], ",".join(UUIDS)),
        ({"CUDA_VISIBLE_DEVICES": UUIDS[1]}, ["nvidia0"], UUIDS[1]),
        ({"CUDA_VISIBLE_DEVICES": "GPU-3291"}, ["nvidia1"], UUIDS[0]),
        ({"CUDA_VISIBLE_DEVICES": "0", "CUDA_DEVICE_ORDER": "PCI_BUS_ID"}, ["nvidia1"], UUIDS[0]),
        ({"CUDA_VISIBLE_DEVICES": "1,-1,0", "CUDA_DEVICE_ORDER": "PCI_BUS_ID"}, ["nvidia0"], UUIDS[1]),
    ],
)
def test_only_the_visible_cards_are_given(
    tmp_path: Path, environ: dict[str, str], nodes: list[str], visible: str
) -> None:
    gpu = found(machine(tmp_path, cards=2), **environ)
    assert relative(tmp_path, gpu.nodes)[2:] == [f"dev/{name}" for name in nodes]
    assert gpu.visible == visible
    assert len([name for name in gpu.driver_files if name.startswith("gpus/")]) == len(nodes)


def test_cards_whose_node_is_missing_do_not_count(tmp_path: Path) -> None:
    """As in a container that was given one card of two."""
    machine(tmp_path, cards=2)
    (tmp_path / "dev/nvidia1").unlink()
    gpu = found(tmp_path, CUDA_VISIBLE_DEVICES="0")
    assert (relative(tmp_path, gpu.nodes)[2:], gpu.visible) == (["dev/nvidia0"], UUIDS[1])


def test_cards_are_numbered_where_the_driver_says_nothing_of_them(tmp_path: Path) -> None:
    machine(tmp_path)
    (tmp_path / "proc/driver/nvidia/gpus/0000:01:00.0/information").unlink()
    (tmp_path / "proc/driver/nvidia/gpus/0000:01:00.0").rmdir()
    gpu = found(tmp_path)
    assert (relative(tmp_path, gpu.nodes)[2:], gpu.visible) == (["dev/nvidia0"], "0")


def _without(name: str) -> Callable[[Path], None]:
    return lambda root: (root / name).unlink()


def _with(name: str, *gone: str) -> Callable[[Path], None]:
    def change(root: Path) -> None:
        make(root / name)
        for other in gone:
            (root / other).unlink()

    return change


def _without_libraries(root: Path) -> None:
    for name in LIBRARIES:
        (root / "usr/lib64" / name).unlink()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            _without("dev/nvidiactl"),
            "nvidiactl does not exist: load NVIDIA's driver, or start the container with",
        ),
        (
            _without("dev/nvidia-uvm"),
            "nvidia-uvm, which CUDA needs, does not exist: `nvidia-modprobe -u -c=0`",
        ),
        (_without("dev/nvidia0"), "nvidia0 does not exist, nor any other card"),
        (_without("proc/driver/nvidia/params"), "params, which CUDA reads, does not exist"),
        (_without_libraries, "libcuda.so.1, the library of NVIDIA's driver, is in none of the folders"),
        (
            lambda root: (root / "dev/nvidia0").chmod(0o660),
            "nvidia0 is closed to student code: `chmod o[+]rw",
        ),
        (_with("dev/dxg", "dev/nvidiactl"), "WSL's way to the GPU is .*dev/dxg"),
        (_with("dev/kfd", "dev/nvidiactl"), "belongs to an AMD GPU"),
        (
            _with("proc/driver/nvidia/capabilities/gpu0/mig/gi1/access"),
            "a slice of a card .MIG., which is not",
        ),
    ],
)
def test_what_is_missing_is_said_in_one_sentence(
    tmp_path: Path, change: Callable[[Path], None], message: str
) -> None:
    change(machine(tmp_path))
    with pytest.raises(SandboxError, match=message) as raised:
        found(tmp_path)
    assert "\n" not in str(raised.value)
    assert str(raised.value).endswith("or grade with --device cpu")


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ("", "hides every GPU"),
        ("-1", "hides every GPU"),
        ("GPU-unknown", "hides every GPU"),
        ("MIG-1", "MIG"),
        ("1", "does not say which of the 2 cards it means"),
    ],
)
def test_a_choice_that_names_no_card_is_refused(tmp_path: Path, value: str, message: str) -> None:
    machine(tmp_path, cards=2)
    with pytest.raises(SandboxError, match=message):
        found(tmp_path, CUDA_VISIBLE_DEVICES=value)


def test_a_launch_without_a_gpu_on_the_machine_is_refused(tmp_path: Path) -> None:
    """Before a process is started, and so before anything is graded."""
    if os.path.exists("/dev/nvidiactl"):
        pytest.skip("this machine has a GPU")
    with pytest.raises(SandboxError, match="/dev/"):
        launch.launch(["/bin/true"], capabilities=ALL, readable=[], env={}, gpu=True)


def rules(monkeypatch: pytest.MonkeyPatch, capabilities: Capabilities, shown: View) -> dict[str, int]:
    """{path: the access that Landlock allows below it}, as `enter` asks for it."""
    added: dict[str, int] = {}
    monkeypatch.setattr(landlock, "_allow", lambda _, path, access: added.update({path: access}))
    os.close(enter._ruleset(capabilities, shown, Path("/work")))
    return added


GPU = GpuPaths(("/dev/nvidiactl", "/dev/nvidia0"), tools=("/dev/nvidia-uvm-tools",), driver_files=("params",))
FALLBACK = ALL.without_namespaces()
OUTER_PROC = Capabilities(**{**ALL.record(), "pid": False, "proc": False})
REAL_ROOT = Capabilities(**{**ALL.record(), "uids": False})
READ_WRITE, READ_WRITE_IOCTL, READ = 4 | 2, 4 | 2 | 1 << 15, 1 | 4 | 8
READS_OF_DRIVER = dict.fromkeys(("/proc/devices", "/proc/modules", "/proc/driver/nvidia/params"), READ)
NODES = dict.fromkeys(GPU.nodes, READ_WRITE_IOCTL)


@pytest.mark.skipif(landlock.abi() < 5, reason="needs Landlock's right for ioctl")
@pytest.mark.parametrize(
    ("capabilities", "more"),
    [
        (ALL, NODES | {"/proc": READ_WRITE}),
        (REAL_ROOT, NODES | {"/proc/self/task": READ_WRITE}),
        (OUTER_PROC, NODES | READS_OF_DRIVER | {"/proc/self/task": READ_WRITE}),
        (
            FALLBACK,
            NODES
            | READS_OF_DRIVER
            | {"/proc/self/task": READ_WRITE, "/dev/nvidia-uvm-tools": READ_WRITE_IOCTL},
        ),
    ],
)
def test_landlock_allows_exactly_this_more(
    monkeypatch: pytest.MonkeyPatch, capabilities: Capabilities, more: dict[str, int]
) -> None:
    without = rules(monkeypatch, capabilities, View(("/usr",), ()))
    assert not any(access & 1 << 15 for access in without.values())
    assert rules(monkeypatch, capabilities, View(("/usr",), (), GPU)) == without | more


def test_libcuda_is_told_not_to_make_device_nodes(tmp_path: Path) -> None:
    make(tmp_path / "params", "RmLogonRC: 1\nModifyDeviceFiles: 1\nDeviceFileMode: 438\n")
    text = namespaces._driver_text(str(tmp_path / "params"))
    assert text == "RmLogonRC: 1\nModifyDeviceFiles: 0\nDeviceFileMode: 438\n"


def test_without_a_gpu_the_request_is_as_it_always_was() -> None:
    shown = View(("/usr",), (("/bin", "usr/bin"),))
    request = launch._request(["/bin/true"], ALL, shown, {"A": "b"})
    setup = launch.json.dumps(
        {"capabilities": ALL.record(), "binds": ("/usr",), "links": (("/bin", "usr/bin"),)}
    )
    assert list(request) == ["capabilities", "binds", "links", "argv", "env", "parent"]
    assert request["env"] == {"A": "b", enter.SANDBOX_VARIABLE: setup}


def test_with_a_gpu_the_request_says_so_and_nothing_else() -> None:
    gpu = GpuPaths(("/dev/nvidiactl",), library_folder="/opt/driver")
    request = launch._request(["/bin/true"], ALL, View((), (), gpu), {})
    assert request["gpu"] == asdict(gpu)
    assert request["env"].keys() == {"LD_LIBRARY_PATH", enter.SANDBOX_VARIABLE}
    assert GpuPaths.restored(launch.json.loads(request["env"][enter.SANDBOX_VARIABLE])["gpu"]) == gpu


def test_nothing_that_cuda_calls_is_filtered() -> None:
    """So there is one filter, with and without a GPU: it names none of what works on the driver's nodes."""
    used = {"ioctl", "mmap", "munmap", "mprotect", "openat", "poll", "eventfd2", "memfd_create", "socketpair",
            "mbind", "set_mempolicy", "get_mempolicy", "madvise", "prctl", "sched_getaffinity"}  # fmt: skip
    assert not used & (syscalls.FORBIDDEN.keys() | syscalls.ABSENT.keys() | syscalls._OWN_ONLY.keys())


def test_only_address_space_is_unlimited(monkeypatch: pytest.MonkeyPatch) -> None:
    from autograder.sandbox import resource_limits

    lowered: dict[int, tuple[int, ...]] = {}
    monkeypatch.setattr(resource_limits, "_lower", lambda which, *values: lowered.update({which: values}))
    monkeypatch.setattr("builtins.open", lambda *_: (_ for _ in ()).throw(OSError()))  # oom_score_adj
    resource_limits.apply(Limits(), other_processes=0, held=(1, 1))
    without = dict(lowered)
    lowered.clear()
    resource_limits.apply(Limits(), other_processes=0, held=(1, 1), gpu=True)
    assert without.keys() - lowered.keys() == {resource_limits.resource.RLIMIT_AS}
    assert lowered.items() <= without.items()


@pytest.mark.parametrize(
    ("capabilities", "possible"),
    [
        (ALL, True),
        (FALLBACK, False),
        (OUTER_PROC, False),
        (REAL_ROOT, False),
        (Capabilities(linux=True), True),
    ],
)
def test_forks_use_a_gpu_only_where_all_of_proc_is_theirs(capabilities: Capabilities, possible: bool) -> None:
    assert capabilities.gpu_in_forks is possible


def test_a_pid_namespace_without_its_proc_is_not_used_with_a_gpu() -> None:
    half = Capabilities(**{**ALL.record(), "proc": False})
    assert (half.for_gpu().pid, half.for_gpu().mount, ALL.for_gpu()) == (False, True, ALL)
