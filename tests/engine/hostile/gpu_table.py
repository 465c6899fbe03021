"""Attacks that a GPU makes possible. Those in EVERYWHERE need no card to be refused; the others need one.

What they must show was written without a card: docs/security.md says what is unproven.
"""

from __future__ import annotations

from tests.engine.hostile.table import GONE, REFUSED, Attack

CUDA = """
import torch
cuda = ctypes.CDLL("libcuda.so.1")
def started(): return torch.zeros(1, device="cuda").data_ptr()
"""

EVERYWHERE = [
    Attack(
        "nodes not given",
        "open other cards, displays, slices of cards and other drivers",
        "none can be opened",
        """
names = ("nvidia15", "nvidia-modeset", "nvidia-caps/nvidia-cap1", "nvidia-nvswitchctl", "nvidia-caps-imex-channels/channel0",
         "nvidia-fs0", "dri/card0", "dri/renderD128", "kfd", "dxg", "mem", "kmsg", "kvm", "fuse", "ptmx", "vda", "net/tun")
ran(*sorted({said(lambda: os.close(os.open("/dev/" + name, os.O_RDWR))) for name in names}))""",
        f"ran: (({REFUSED}|ENXIO) ?)+\n",
    ),
    Attack(
        "other devices",
        "send ioctls to the devices that every program may open",
        "none of them is asked",
        """
import fcntl
asked = set()
for name in ("null", "zero", "full", "random", "urandom"):
    with open("/dev/" + name, "rb") as device:
        for number in (0x5401, 0x541B, 0x5206, 0x80045200, 0xC020462A):
            asked.add(said(lambda: fcntl.ioctl(device, number, bytes(64))))
ran(*sorted(asked))""",
        "ran: (E(ACCES|NOTTY|INVAL|PERM) ?)+\n",  # before version 5, Landlock does not know of ioctl
    ),
    Attack(
        "nodes of its own",
        "make a node for a card, and have the driver's own tool make one",
        "refused",
        """
import stat, subprocess
def modprobe(): return subprocess.run(["nvidia-modprobe", "-c", "1", "-u"], capture_output=True).returncode and -1
ctypes.set_errno(errno.EPERM)
ran(*[said(lambda: os.mknod(f"{folder}/nvidia1", stat.S_IFCHR | 0o666, os.makedev(195, 1))) for folder in (TMP, "/dev")],
    said(modprobe), os.path.exists("/dev/nvidia15"))""",
        f"ran: (({REFUSED}) ){{3}}False",
    ),
    Attack(
        "pipes of MPS",
        "reach the server through which processes share a card, or start one",
        "there is none, and its own ends with it",
        """
import subprocess
places = ("/tmp/nvidia-mps/control", "/tmp/nvidia-mps/control_privileged", "/tmp/nvidia-mps/log")
found = {said(lambda: os.close(os.open(place, os.O_RDWR | os.O_NONBLOCK))) for place in places}
found |= {said(lambda: socket.socket(1).connect(place)) for place in places}
try: subprocess.Popen(["nvidia-cuda-mps-control", "-d"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
except OSError: pass
ran(*sorted(found))""",
        f"ran: (({REFUSED}) ?)+\n",
    ),
    Attack(
        "other processes' files in /proc",
        "use what libcuda may write in /proc to change the process above",
        "refused",
        """
names = ("mem", "oom_score_adj", "coredump_filter", "autogroup", "clear_refs", "timerslack_ns")
found = {said(lambda: os.close(os.open(f"/proc/{pid}/{name}", os.O_WRONLY))) for pid in (1, os.getppid()) for name in names}
found |= {said(lambda: os.close(os.open(f"/proc/{name}", os.O_WRONLY)))
          for name in ("sys/kernel/core_pattern", "sys/vm/overcommit_memory", "sysrq-trigger", "pressure/memory")}
ran(*sorted(found))""",
        f"ran: (({REFUSED}) ?)+\n",
    ),
]

WITH_A_CARD = [
    Attack(
        "device memory of others",
        "read device memory at addresses that are not its own",
        "every copy fails",
        CUDA
        + """
buffer, begin = ctypes.create_string_buffer(16), started()
codes = {cuda.cuMemcpyDtoH_v2(buffer, ctypes.c_uint64(begin + (step << 33)), ctypes.c_size_t(16)) for step in range(1, 400)}
ran("copied" if 0 in codes else "refused")""",
        "ran: refused",
    ),
    Attack(
        "a kernel that reads out of bounds",
        "have a kernel read device memory that is not its own",
        "its own context is lost",
        CUDA
        + """
source = 'extern "C" __global__ void peek(unsigned long long from, long long *to) { *to = *(long long *)from; }'
found, begin = torch.zeros(1, dtype=torch.int64, device="cuda"), started()
peek = torch.cuda._compile_kernel(source, "peek")
try: peek((1, 1, 1), (1, 1, 1), (begin + (1 << 40), found)); torch.cuda.synchronize(); ran("read", found.item())
except RuntimeError as error: ran("ended:", type(error).__name__)""",
        "ran: ended:",
        "wrong raised",
    ),
    Attack(
        "a hanging kernel in a cell",
        "wait forever for the card",
        "the cell is left out",
        CUDA + "started(); torch.cuda._sleep(2**62); torch.cuda.synchronize()",
        "left out: it did not stop after",
    ),
    Attack(
        "a hanging kernel in a request",
        "wait forever for the card when asked",
        "the request times out",
        CUDA + "def f(*a, **k): started(); torch.cuda._sleep(2**62); torch.cuda.synchronize()",
        "still running after",
        "timeout",
    ),
    Attack(
        "a hanging kernel that is left",
        "leave a kernel running that never ends",
        "it ends with its process",
        CUDA + "started(); torch.cuda._sleep(2**62); ran('left')",
        f"ran: left|{GONE}",
        "wrong raised timeout memory",
    ),
    Attack(
        "device memory through PyTorch",
        "take all of the card's memory",
        "it ends at its share",
        CUDA + "held = []\nran(until_refused(lambda: held.append(torch.empty(2**28, device='cuda'))))",
        f"ran: (OutOfMemoryError|AcceleratorError|RuntimeError) after some|{GONE}",
        "wrong raised memory",
        ("OutOfMemoryError",),
    ),
    Attack(
        "device memory past PyTorch",
        "take all of the card's memory from the driver itself",
        "it is ended",
        CUDA
        + """
started(); pointer, count = ctypes.c_uint64(), 0
while cuda.cuMemAlloc_v2(ctypes.byref(pointer), ctypes.c_size_t(2**28)) == 0: count += 1; time.sleep(0.02)
time.sleep(3)
ran("took", count)""",
        f"left out: it {GONE}",
        "wrong raised memory missing",
    ),
    Attack(
        "contexts in one process",
        "make contexts until none is left",
        "it ends at its share",
        CUDA
        + """
started(); context, count = ctypes.c_void_p(), 0
while count < 500 and cuda.cuCtxCreate_v2(ctypes.byref(context), 0, 0) == 0: count += 1
ran("contexts", count)""",
        f"ran: contexts|{GONE}",
        "wrong raised memory missing",
    ),
    Attack(
        "contexts in many processes",
        "fork until nothing more may be forked, with a context in each process",
        "it ends at its share, and all of them end with it",
        """
def child():
    import torch
    torch.zeros(1, device="cuda"); time.sleep(60); os._exit(0)
made = 0
try:
    while made < 500:
        if os.fork() == 0: child()
        made += 1
except OSError as error: ran(errno.errorcode[error.errno], "after", made)
time.sleep(2)""",
        f"ran: EAGAIN after|{GONE}",
        "wrong raised memory missing timeout",
    ),
    Attack(
        "host memory through the driver",
        "take memory of the host that the driver pins",
        "it ends at its share of the host's memory",
        CUDA
        + """
started(); held = []
ran(until_refused(lambda: held.append(torch.empty(2**27, dtype=torch.uint8, pin_memory=True).fill_(1)), 200))""",
        f"ran: [A-Za-z]+ after some|{GONE}",
        "wrong raised memory missing",
    ),
    Attack(
        "settings of the card",
        "change the card's modes, clocks and power, and reset it",
        "refused",
        CUDA
        + """
ml = ctypes.CDLL("libnvidia-ml.so.1"); card = ctypes.c_void_p()
assert ml.nvmlInit_v2() == 0 and ml.nvmlDeviceGetHandleByIndex_v2(0, ctypes.byref(card)) == 0
ran(*[0 in (ml.nvmlDeviceSetPersistenceMode(card, 0), ml.nvmlDeviceSetComputeMode(card, 2),
            ml.nvmlDeviceSetGpuLockedClocks(card, 210, 210), ml.nvmlDeviceSetPowerManagementLimit(card, 1),
            ml.nvmlDeviceSetMigMode(card, 1, ctypes.byref(ctypes.c_int())))])""",
        "ran: False",
    ),
]

# One submission leaves this, and the next looks for it. The first looks too: it must find everything.
CACHES = """
from pathlib import Path
CACHES = [Path.home() / ".nv/ComputeCache/left", Path.home() / ".cache/torch/kernels/left", Path.home() / ".triton/left",
          Path(TMP) / "nvidia-mps/left", Path("/dev/shm/cuda.shm.left")]
"""
LEAVE_CACHES = """
for place in CACHES: place.parent.mkdir(parents=True, exist_ok=True); place.write_text("left")
"""
FIND_CACHES = """
ran(*[number for number, place in enumerate(CACHES) if place.exists()], "end")
"""
PATTERN = 0x5EC2E7A1
LEAVE_IN_DEVICE_MEMORY = f"""
import torch
held = []
try:
    while True: held.append(torch.full((2**24,), {PATTERN}, dtype=torch.int64, device="cuda"))
except RuntimeError: pass
torch.cuda.synchronize(); ran("left", len(held))
"""
FIND_IN_DEVICE_MEMORY = f"""
import torch
held, found = [], 0
try:
    while True: held.append(torch.empty(2**24, dtype=torch.int64, device="cuda"))
except RuntimeError: pass
for block in held: found += int((block == {PATTERN}).any())
ran("looked" if held else "nothing", "found", found)
"""
SHARE = """
import torch
shared = torch.zeros(9, device="cuda")
ran("handle", repr(shared.untyped_storage()._share_cuda_()))
"""
TAKE = """
import torch
torch.zeros(1, device="cuda")
try: torch.UntypedStorage._new_shared_cuda(*HANDLE); ran("taken")
except BaseException as error: ran("refused")
"""
