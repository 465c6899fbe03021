"""The table of attacks: what each notebook tries, what must happen, and what shows that it really ran.

No attack earns a point or reveals a secret, and the honest notebook after it gets its usual result. In a
cell, COURSE stands for the course's folder.
"""

from __future__ import annotations

from typing import NamedTuple

TOKEN = "token-8315520974"
"""The value of HOSTILE_TOKEN, which is set in the grader's environment only."""
PRELUDE = """
import ctypes, errno, gc, os, resource, signal, socket, struct, sys, tempfile, threading, time
TMP = tempfile.gettempdir()  # the working folder if it has no file system of its own
libc = ctypes.CDLL(None, use_errno=True)

def said(action):
    "The name of the error that stopped it, or done."
    try: result = action()
    except OSError as error: return errno.errorcode.get(error.errno, type(error).__name__)
    except (ValueError, MemoryError, RuntimeError) as error: return type(error).__name__
    if type(result) is int and result == -1: return errno.errorcode[ctypes.get_errno()]
    return "done"

def until_refused(action, most=100_000):
    for number in range(most):
        if (word := said(action)) != "done": return f"{word} after {'some' if number else 'none'}"
    return "never"

def ran(*words): print("ran:", *words)
"""
BIND = """
f = globals().get("f", lambda *a, **k: 12345)
globals().setdefault("count_params", f)
globals().setdefault("collapse_linear", f)
"""
# What a function needs to send responses itself.
FORGE = """
from autograder.protocol.messages import *
from autograder.protocol.channel import Channel
import msgspec, stat
def channels(): return [x for x in gc.get_objects() if type(x) is Channel and x.sock.fileno() >= 0]
def frame(data): return struct.pack("<I", len(data)) + data
def sockets():
    for number in range(3, 100):
        try:
            if stat.S_ISSOCK(os.fstat(number).st_mode): yield number
        except OSError: pass
def put(data):
    "Send to every socket that accepts it immediately."
    sent = 0
    for fd in list(sockets()):
        try: sent += socket.socket(fileno=os.dup(fd)).send(data, socket.MSG_DONTWAIT)
        except OSError: pass
    return sent
"""


class Attack(NamedTuple):
    """One hostile notebook: its only cell runs between PRELUDE and BIND."""

    name: str
    goal: str
    outcome: str
    cell: str
    evidence: str
    """A regular expression that is found in what the student sees: the attack really ran."""
    status: str = "wrong"
    """The statuses that the exercise may get."""
    errors: tuple[str, ...] = ()
    """The exceptions that the cell may end with."""
    exercise: str = "count_params"
    evidence_without_namespaces: str = ""
    """In place of `evidence` in a sandbox without namespaces, where the two differ."""


GONE = "(?:(?:ended|crashed) the Python process|used too much memory|wrote too much to disk|used up its )"
REFUSED = "EPERM|EACCES|ENOENT|EROFS|ESRCH"

ENDS = [
    Attack(
        "recursion",
        "recurse forever",
        "a RecursionError, in the cell and in the request",
        "def f(*a, **k): return f()\ntry: f()\nexcept RecursionError as e: ran(type(e).__name__)",
        "ran: RecursionError[^$]*raised RecursionError",
        "raised",
    ),
    Attack(
        "recursion in C",
        "overflow the C stack",
        "the process ends as in a crash",
        "sys.setrecursionlimit(10**8)\ndef f(*a, **k): return next(map(f, [0]))",
        GONE,
        "raised",
    ),
    Attack(
        "_exit in a cell", "end the process", "the cell is left out", "os._exit(0)", f"left out: it {GONE}"
    ),
    Attack(
        "_exit in a request",
        "end the fork with exit code 0",
        "no response, no points",
        "def f(*a, **k): os._exit(0)",
        GONE,
        "raised",
    ),
    Attack(
        "sys.exit",
        "exit with SystemExit",
        "it is an ordinary error",
        "def f(*a, **k): sys.exit(0)\nsys.exit(0)",
        "raised SystemExit",
        "raised",
        ("SystemExit",),
    ),
    Attack(
        "quit",
        "exit the way IPython does",
        "nothing exits",
        "get_ipython().run_cell('exit()')\nran('asked')",
        "ran: asked",
        errors=("AttributeError",),
    ),
    Attack(
        "SIGKILL to itself",
        "die in a cell",
        "the cell is left out",
        "os.kill(os.getpid(), signal.SIGKILL)",
        f"left out: it {GONE}",
    ),
    Attack(
        "SIGABRT to itself",
        "die in a request",
        "no response, no points",
        "def f(*a, **k): os.abort()",
        GONE,
        "raised",
    ),
    Attack(
        "SIGSTOP to itself",
        "stop forever in a request",
        "the request times out",
        "def f(*a, **k): os.kill(os.getpid(), signal.SIGSTOP)",
        "still running after",
        "timeout",
    ),
    Attack(
        "SIGSTOP in a cell",
        "stop forever in a cell",
        "the cell is left out eventually",
        "os.kill(os.getpid(), signal.SIGSTOP)",
        "left out: it did not stop after",
    ),
    Attack(
        "SIGSEGV", "read address 0", "the process ends", "def f(*a, **k): ctypes.string_at(0)", GONE, "raised"
    ),
    Attack(
        "signals to others",
        "send every signal to the parent, to pid 1 and to every process",
        "every signal is refused",
        """
found = {said(lambda: os.kill(pid, number)) for pid in (1, os.getppid(), -1) for number in range(1, 65)
         if number not in (32, 33)}
ran(*sorted(found))""",
        "ran: EPERM( ESRCH)?\n",
        evidence_without_namespaces="ran: EPERM done\n",  # kill(-1) succeeds even if it may signal nobody
    ),
    Attack(
        "signals by pidfd",
        "signal pid 1 through a pidfd",
        "refused",
        """
ran(said(lambda: signal.pidfd_send_signal(os.pidfd_open(1), signal.SIGKILL)))""",
        "ran: EPERM",
    ),
    Attack(
        "ignored signals",
        "ignore every signal and run forever",
        "the cell is killed and left out",
        """
for number in range(1, 65):
    try: signal.signal(number, signal.SIG_IGN)
    except (OSError, ValueError): pass
while True:
    try: time.sleep(60)
    except BaseException: pass""",
        "left out: it did not stop after",
    ),
    Attack(
        "timer",
        "raise SystemExit in whatever runs, a hundred times a second",
        "it only hits itself",
        """
hits = []
def handler(*a):
    hits.append(1)
    if len(hits) > 3: raise SystemExit
signal.signal(signal.SIGALRM, handler)
signal.setitimer(signal.ITIMER_REAL, 0.01, 0.01)
try: time.sleep(1)
except SystemExit: ran("hit", len(hits))
def f(*a, **k): time.sleep(0.01); return 12345""",
        f"ran: hit 4|left out: it {GONE}",
        "wrong raised timeout missing",
        ("SystemExit",),
    ),
    Attack(
        "alarm",
        "let an alarm end the process later",
        "no response, no points",
        "def f(*a, **k): signal.signal(signal.SIGALRM, signal.SIG_DFL); signal.setitimer(0, .05); time.sleep(9)",
        GONE,
        "raised",
    ),
    Attack(
        "endless loop",
        "loop forever in a request",
        "the request times out",
        "def f(*a, **k):\n    while True: pass",
        "still running after",
        "timeout",
    ),
    Attack(
        "closed descriptors",
        "close every descriptor in a cell",
        "the cell is left out",
        "os.closerange(0, 90)",
        "left out: ",
    ),
    Attack(
        "closed descriptors in a request",
        "close every descriptor in a request",
        "no response, no points",
        "def f(*a, **k): os.closerange(0, 90)",
        GONE,
        "raised",
    ),
    Attack(
        "channel to nowhere",
        "replace the channel with /dev/null",
        "no response, no points",
        FORGE
        + """
def f(*a, **k):
    null = os.open("/dev/null", os.O_RDWR)
    for fd in list(sockets()): os.dup2(null, fd)""",
        GONE,
        "raised",
    ),
    Attack(
        "shut channel",
        "shut down the channel in both directions",
        "no response, no points",
        FORGE
        + """
def f(*a, **k):
    for fd in list(sockets()): socket.socket(fileno=os.dup(fd)).shutdown(2)""",
        GONE,
        "raised",
    ),
    Attack(
        "new streams",
        "replace sys.stdout and sys.stderr with objects that raise",
        "only its own code fails",
        """
ran("so far")
class Stream:
    def __getattr__(self, name): raise RuntimeError("stream")
sys.stdout = sys.stderr = sys.__stdout__ = Stream()""",
        "ran: so far",
        status="wrong missing",
        errors=("RuntimeError",),
    ),
]

BOMBS = [
    Attack(
        "forks",
        "start processes forever",
        "refused after a few",
        """
def fork():
    if os.fork() == 0: time.sleep(3); os._exit(0)
ran(until_refused(fork))""",
        "ran: EAGAIN after some",
        "wrong raised",
    ),
    Attack(
        "threads",
        "start threads forever",
        "refused after a few; they cannot answer in its place",
        """
ran(until_refused(lambda: threading.Thread(target=time.sleep, args=(60,), daemon=True).start()))""",
        "ran: RuntimeError after some",
    ),
    Attack(
        "daemon",
        "leave a process in its own session that keeps forking itself",
        "it is gone afterwards",
        """
def daemon():
    if os.fork(): return
    os.setsid()
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    for _ in range(2000):
        if os.fork(): os._exit(0)
        time.sleep(0.01)
daemon()
ran("left")""",
        "ran: left",
    ),
    Attack(
        "descriptors",
        "open files forever",
        "refused after a few",
        """
ran(until_refused(lambda: opened.append(os.open("/dev/null", 0)))) if (opened := []) == [] else 0""",
        "ran: EMFILE after some",
        "raised",
    ),
    Attack(
        "memory",
        "allocate memory forever",
        "a MemoryError",
        """
hoard = []
ran(until_refused(lambda: hoard.append(bytearray(2**24))))
hoard.clear()
def f(*a, **k):
    while True: hoard.append(bytearray(2**24))""",
        "ran: MemoryError after some",
        "memory",
    ),
    Attack(
        "tensors",
        "allocate memory through torch",
        "refused",
        """
import torch
hoard = []
def f(*a, **k):
    while True: hoard.append(torch.ones(2**22))""",
        "allocate memory",
        "memory",
    ),
    Attack(
        "bytes",
        "fill /tmp",
        "refused at the quota",
        """
def fill(n=[0]):
    n[0] += 1
    with open(f"{TMP}/bomb{n[0]}", "wb", buffering=0) as file: file.write(b"x" * 2**20)
    if os.path.getsize(f"{TMP}/bomb{n[0]}") < 2**20: raise OSError(errno.ENOSPC, "full")
ran(until_refused(fill, 4000))""",
        "ran: ENOSPC after some",
        evidence_without_namespaces=f"left out: it {GONE}",
    ),
    Attack(
        "one large file",
        "grow one file forever",
        "refused at the limit on file size",
        """
file = open(f"{TMP}/large", "wb", buffering=0)
ran(said(lambda: os.truncate(f"{TMP}/large", 2**40)))""",
        "ran: EFBIG",
    ),
    Attack(
        "inodes",
        "create empty files forever",
        "refused at the quota",
        """
names = iter(range(10**6))
ran(until_refused(lambda: open(f"{TMP}/i{next(names)}", "w").close()))""",
        "ran: ENOSPC after some",
        evidence_without_namespaces=f"left out: it {GONE}",
    ),
    Attack(
        "depth",
        "create nested folders forever",
        "refused at the quota, and removed",
        """
def deeper(): os.mkdir("d"); os.chdir("d")
ran(until_refused(deeper, 20_000))""",
        "ran: ENOSPC after some",
        evidence_without_namespaces=f"left out: it {GONE}",
    ),
    Attack(
        "shared memory",
        "fill /dev/shm",
        "refused at the quota",
        """
import time
opened = []
def fill():
    opened.append(os.open(f"/dev/shm/{len(opened)}", os.O_CREAT | os.O_RDWR))
    os.posix_fallocate(opened[-1], 0, 2**21)
    time.sleep(0.005)
ran(until_refused(fill, 400))
time.sleep(3)""",
        "ran: ENOSPC after some",
        evidence_without_namespaces=f"left out: it {GONE}",
    ),
    Attack(
        "files in memory",
        "fill anonymous files",
        "refused at the limits on file size and on descriptors",
        """
def fill():
    fd = os.memfd_create("x")
    os.posix_fallocate(fd, 0, 2**20)
ran(said(lambda: os.posix_fallocate(os.memfd_create("y"), 0, 2**30)), until_refused(fill))""",
        "ran: EFBIG EMFILE after some",
        "wrong raised",
        # There the usage poller counts these files too, and may look before the descriptors run out.
        evidence_without_namespaces=f"ran: EFBIG EMFILE after some|left out: it {GONE}",
    ),
    Attack(
        "printing",
        "print forever",
        "cut at the limit",
        "ran('printing')\nfor _ in range(100): print('x' * 10**5)",
        r"ran: printing[^$]*output cut here",
    ),
    Attack(
        "writing past Python",
        "flood descriptor 1",
        "cut at the limit",
        "ran(until_refused(lambda: os.write(1, b'x' * 10**6), 60))",
        "ran: .*",
    ),
    Attack(
        "displays",
        "display a thousand large outputs",
        "cut at the limit",
        """
from IPython.display import display
ran("showing")
for n in range(1000): display({'text/plain': 'x' * 5000}, raw=True)""",
        r"ran: showing[^$]*output cut here",
    ),
    Attack(
        "a very long error",
        "raise an exception with a message of ten million characters",
        "cut at the limit",
        "def f(*a, **k): raise ValueError('y' * 10**7)",
        "raised ValueError: yyy",
        "raised",
    ),
]

LIMITS = [
    Attack(
        "higher limits",
        "raise its own limits",
        "refused",
        """
kinds = (resource.RLIMIT_NPROC, resource.RLIMIT_AS, resource.RLIMIT_CPU, resource.RLIMIT_NOFILE, resource.RLIMIT_FSIZE)
ran(*{said(lambda: resource.setrlimit(kind, (2**40, 2**40))) for kind in kinds})""",
        "ran: (ValueError|EPERM)\n",
    ),
    Attack(
        "others' limits",
        "set the limits of the fork server",
        "refused",
        """
ran(said(lambda: resource.prlimit(1, resource.RLIMIT_NOFILE, (0, 0))))""",
        "ran: EPERM",
    ),
    Attack(
        "no limits left",
        "set its own limits to 0",
        "it only harms itself",
        """
ran("lowering")
resource.setrlimit(resource.RLIMIT_NPROC, (0, 0))
resource.setrlimit(resource.RLIMIT_NOFILE, (3, 3))""",
        f"ran: lowering|left out: it {GONE}",
        "wrong raised",
    ),
    Attack(
        "priorities",
        "raise its own priority and lower that of others",
        "refused",
        """
found = [said(lambda: os.setpriority(0, 0, -20)), said(lambda: os.setpriority(0, 1, 19)),
         said(lambda: os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(50))),
         said(lambda: os.sched_setaffinity(1, {0}))]
ran(*found)""",
        "ran: (EPERM|EACCES) EPERM EPERM EPERM",
    ),
    Attack(
        "slowest of all",
        "take the lowest priority and one processor",
        "it only affects itself",
        """
os.nice(19)
os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
ran(os.getpriority(0, 0))""",
        "ran: 19",
    ),
    Attack(
        "out of memory score",
        "be the last to be killed when memory runs out",
        "refused",
        """
def write(name, text):
    with open(name, "w") as file: file.write(text)
ran(said(lambda: write("/proc/self/oom_score_adj", "-1000")), said(lambda: write("/proc/1/oom_score_adj", "1000")),
    said(lambda: write("/proc/sys/kernel/core_pattern", "|/tmp/x")), said(lambda: os.listdir("/sys/fs/cgroup")))""",
        f"ran: EACCES (({REFUSED}) ?){{3}}",
    ),
]

SPIES = [
    Attack(
        "ptrace",
        "attach to the fork server",
        "refused",
        """
ran(*[said(lambda: libc.ptrace(how, pid, 0, 0)) for how in (16, 0x4206) for pid in (1, os.getppid())])""",
        "ran: EPERM EPERM EPERM EPERM",
    ),
    Attack(
        "process_vm_readv",
        "read and write the fork server's memory",
        "refused",
        """
here = ctypes.create_string_buffer(8)
piece = (ctypes.c_size_t * 2)(ctypes.addressof(here), 8)
ran(*[said(lambda: call(1, piece, 1, piece, 1, 0)) for call in (libc.process_vm_readv, libc.process_vm_writev)])""",
        "ran: EPERM EPERM",
    ),
    Attack(
        "proc of others",
        "read /proc of pid 1",
        "access is denied",
        """
names = ("mem", "environ", "maps", "cwd", "root", "exe", "fd/0", "stack", "cmdline", "mountinfo", "task/1/mem")
ran(sorted({said(lambda: os.close(os.open(f"/proc/1/{name}", os.O_RDONLY))) for name in names}))""",
        rf"ran: \[('({REFUSED})'(, )?)+\]",
    ),
    Attack(
        "the course",
        "read gradebook, secret, solutions, tests, settings and another submission",
        "none of them can be read",
        """
names = ("gradebook.db", ".autograder/secret", "solutions/part1_neurons.py", "pyproject.toml", "nbgrader_config.py",
         "tests/module6/count_params/test_count_params.py", "submitted/victim/module6/part1_neurons.ipynb")
ran(*[said(lambda: open(f"COURSE/{name}").read()) for name in names])""",
        "ran: (ENOENT ?){7}\n",
        evidence_without_namespaces="ran: ((EACCES|ENOENT) ?){7}\n",
    ),
    Attack(
        "the course by links",
        "reach it through links and through /proc/1/root",
        "it is not there",
        """
for number, target in enumerate(("COURSE/gradebook.db", "/proc/1/root/COURSE/gradebook.db", "/proc/1/cwd")):
    os.symlink(target, f"link{number}")
ran(*[said(lambda: os.close(os.open(f"link{number}", 0))) for number in range(3)],
    said(lambda: os.link("/etc/passwd", "hard")), said(lambda: os.link("COURSE/gradebook.db", "hard")))""",
        f"ran: (({REFUSED}|EXDEV) ?){{5}}\n",
    ),
    Attack(
        "environment",
        "look for tokens in the environment",
        "the grader's tokens are not there",
        "ran(dict(os.environ))",
        "ran: .*'HOME'",
    ),
    Attack(
        "passwords",
        "read files that only root may read",
        "access is denied",
        "ran(said(lambda: open('/etc/shadow')), said(lambda: open('/etc/sudoers')))",
        f"ran: ({REFUSED}) ({REFUSED})",
    ),
    Attack(
        "keyrings",
        "leave a key for the next submission",
        "there are no keyrings",
        """
ran(said(lambda: libc.syscall(248, b"user", b"left", b"secret", 6, -3)), said(lambda: libc.syscall(250, 0, -4, 1)),
    said(lambda: libc.syscall(249, b"user", b"left", 0, -4)))""",
        "ran: (EPERM|EBADF|EFAULT|ENOSYS|EINVAL|ENOENT)( |\n)",
    ),
    Attack(
        "frames",
        "search all frames and objects for the reference",
        "nothing of the grader is there",
        """
def f(*a, **k):
    walk, names = sys._getframe(), []
    while walk: names.append(walk.f_code.co_filename.rsplit("/", 1)[-1]); walk = walk.f_back
    kinds = {type(x).__name__ for x in gc.get_objects()}
    assert "answerer.py" in names and "Answerer" in kinds
    return f"ran: {sorted(kinds & {'SubmissionGrader', 'WorkerService', 'ReferenceProxy', 'CollectedGraders', 'Course', 'Draw', 'ForkServerLauncher'})}"
""",
        r"Got: \[?.ran: \[\]",
    ),
    Attack(
        "grader's modules",
        "import the grader",
        "it cannot be imported",
        """
import importlib
def load(name):
    try: importlib.import_module(name)
    except ImportError: return "absent"
    except PermissionError: return "closed"
ran(*{load(f"autograder.{name}") for name in ("course.course", "grading.draw", "grading.grade_submission", "process.launcher", "workers.worker")})""",
        "ran: absent\n",
        evidence_without_namespaces="ran: (absent|closed)\n",
    ),
]

NETWORK = [
    Attack(
        "families",
        "open a socket of every family except unix",
        "none can be opened",
        """
families = (2, 10, 3, 4, 5, 9, 16, 17, 29, 31, 38, 40, 44)
ran(*sorted({said(lambda: socket.socket(x, kind)) for x in families for kind in (1, 2, 3)}))""",
        "ran: EAFNOSUPPORT\n",
    ),
    Attack(
        "a pair of sockets",
        "open an inet socket with socketpair",
        "refused",
        """
ran(said(lambda: libc.syscall(53, 2, 1, 0, (ctypes.c_int * 2)())))""",
        "ran: (EOPNOTSUPP|ENOTSUP|EAFNOSUPPORT)",
    ),
    Attack(
        "a download",
        "fetch a page and resolve a name",
        "no network",
        """
import urllib.request
ran(said(lambda: urllib.request.urlopen("http://127.0.0.1:80", timeout=2)),
    said(lambda: socket.getaddrinfo("example.com", 80)))""",
        "ran: [A-Za-z]*(Error|E[A-Z]+) [A-Za-z]*(error|Error|E[A-Z]+)",
    ),
    Attack(
        "services",
        "connect to services",
        "none can be reached",
        """
places = ("/var/run/docker.sock", "/run/docker.sock", "/run/containerd/containerd.sock", "/run/dbus/system_bus_socket",
          "/run/systemd/private", "/tmp/.X11-unix/X0", "/run/nscd/socket", "/run/user/0/bus")
ran(*{said(lambda: socket.socket(1).connect(place)) for place in places})""",
        f"ran: ({REFUSED})\n",
    ),
    Attack(
        "abstract sockets",
        "connect to an abstract socket of the grader",
        "it cannot be reached",
        """
ran(said(lambda: socket.socket(1).connect(chr(0) + "hostile-table")))""",
        "ran: (ECONNREFUSED|EPERM)",
    ),
]

WALLS = [
    Attack(
        "mounts",
        "mount, unshare, chroot and join namespaces",
        "refused",
        """
ran(*[said(x) for x in (lambda: libc.unshare(0x10000000), lambda: libc.unshare(0x20000), lambda: libc.chroot(b"/tmp"),
    lambda: libc.mount(b"none", b"/tmp", b"tmpfs", 0, None), lambda: libc.umount2(b"/tmp", 2), lambda: libc.setns(0, 0),
    lambda: libc.syscall(56, 0x10000011, 0, 0, 0, 0))])""",
        "ran: (EPERM ?){7}\n",
    ),
    Attack(
        "identity",
        "become root or another user",
        "refused",
        """
ran(*[said(x) for x in (lambda: os.setresuid(0, 0, 0), lambda: os.setresgid(0, 0, 0), lambda: os.setgroups([0]),
    lambda: os.setuid(os.getuid() + 1), lambda: os.chown("/tmp", 0, 0))])""",
        "ran: ((EPERM|EINVAL) ?){5}\n",  # EINVAL: no such uid in its user namespace
    ),
    Attack(
        "set-uid files",
        "make a set-uid file and use su",
        "it gains no privileges",
        """
import shutil, subprocess
shutil.copy("/bin/true", "tool")
os.chmod("tool", 0o6755)
done = subprocess.run("su -c id; id -u", shell=True, capture_output=True, text=True, stdin=subprocess.DEVNULL)
ran("uid", done.stdout.strip() == str(os.getuid()))""",
        "ran: uid True",
    ),
    Attack(
        "writing outside",
        "change the system, Python's packages and the grader's",
        "refused",
        """
import autograder, torch
places = ("/x", "/usr/x", "/etc/passwd", "/dev/x", torch.__file__, autograder.__file__, "COURSE/x", "/proc/sys/vm/swappiness")
ran(sorted({said(lambda: os.close(os.open(place, os.O_WRONLY | os.O_CREAT))) for place in places}))""",
        rf"ran: \[('({REFUSED})'(, )?)+\]",
    ),
    Attack(
        "exploits' first calls",
        "use the system calls that exploits start with",
        "refused",
        """
calls = {"bpf": 321, "perf": 298, "userfaultfd": 323, "io_uring": 425, "modify_ldt": 154, "kexec": 246, "init": 175}
ran(*sorted({said(lambda: libc.syscall(n, 0, 0, 0, 0, 0)) for n in calls.values()}))""",
        "ran: ENOSYS EPERM|ran: EPERM",
    ),
    Attack(
        "devices",
        "create device files and named pipes",
        "refused",
        """
ran(said(lambda: os.mknod("disk", 0o60600, os.makedev(8, 0))), said(lambda: os.mkfifo("pipe")))""",
        "ran: EPERM EPERM",
    ),
    Attack(
        "its folder",
        "replace the data with links and delete the folder",
        "only its own folder is affected",
        """
import shutil
os.rename("data", "gone")
os.symlink("/etc", "data")
os.symlink("loop", "loop")
os.chdir("/")
shutil.rmtree(os.environ["HOME"], ignore_errors=True)
os.makedirs(TMP, exist_ok=True)
os.symlink("/etc", f"{TMP}/work2")
ran(sorted(os.listdir(TMP)))""",
        "ran: .*work2",
    ),
    Attack(
        "shadowed modules",
        "put torch.py and msgspec.py first on the path",
        "nothing loads them",
        """
for name in ("torch", "msgspec", "numpy", "json", "site", "sitecustomize"):
    with open(f"{name}.py", "w") as file: file.write("raise SystemExit('mine')")
sys.path.insert(0, os.getcwd())
os.environ["PYTHONPATH"] = os.environ["LD_PRELOAD"] = os.getcwd()
ran("planted", len(os.listdir()))""",
        "ran: planted",
    ),
]

PATCHES = [
    Attack(
        "numpy",
        "make every comparison true",
        "the grader compares in its own process",
        """
import numpy as np
for name in ("allclose", "isclose", "array_equal", "all", "any", "equal"): setattr(np, name, lambda *a, **k: True)
ran(np.allclose(1, 2))""",
        "ran: True",
    ),
    Attack(
        "torch",
        "make every function return 1",
        "the grader computes in its own process",
        """
import torch
count = 0
for name in dir(torch):
    if callable(getattr(torch, name)) and not name.startswith("_") and name.islower():
        setattr(torch, name, lambda *a, **k: 1); count += 1
ran(count > 500, torch.zeros(3))
def f(*a, **k): return torch.zeros(1)""",
        "ran: True 1",
        "wrong raised",
        ("AttributeError", "TypeError"),
        exercise="collapse_linear",
    ),
    Attack(
        "builtins",
        "patch isinstance, len, repr and others",
        "it only affects itself",
        """
import builtins
ran("patched")
for name in ("len", "repr", "sorted", "abs", "hasattr"): setattr(builtins, name, lambda *a, **k: True)
builtins.isinstance = lambda *a: True""",
        "ran: patched|left out: (the process sent an invalid response|it ended the Python process)",
        "wrong raised",
        ("TypeError", "AttributeError"),
    ),
    Attack(
        "json and msgspec",
        "send arbitrary bytes",
        "messages are decoded strictly",
        """
import json, msgspec
import autograder.protocol.answerer as answers
json.dumps = lambda *a, **k: "13"
msgspec.msgpack.encode = lambda *a: b"\\xc0"
answers._to_bytes = lambda *a: b""
ran("patched")""",
        "left out: the process sent an invalid response",
    ),
    Attack(
        "an invalid response",
        "send arbitrary bytes in a request",
        "messages are decoded strictly",
        """
import msgspec
def f(*a, **k):
    msgspec.msgpack.encode = lambda *a: b"\\xc0"
    return 13""",
        "cannot be read",
    ),
    Attack(
        "modules in the student's process",
        "patch every function there",
        "responses are still data",
        """
import types
names = [x for x in sys.modules if x.startswith(("autograder.student.", "autograder.protocol."))]
ran(len(names) > 4)
for module in [sys.modules[x] for x in names if x.endswith(("answerer", "state_changes", "device_marks", "fake_device"))]:
    for name, value in list(vars(module).items()):
        if isinstance(value, types.FunctionType): setattr(module, name, lambda *a, **k: True)""",
        "ran: True",
        "wrong raised",
    ),
    Attack(
        "sockets and forks",
        "replace socket.socket and os.fork",
        "it only affects itself",
        """
ran("patched")
socket.socket = lambda *a, **k: None
os.fork = lambda: 0""",
        "ran: patched",
        "wrong raised timeout internal",
    ),
    Attack(
        "exits that do nothing",
        "replace os._exit and signal.signal",
        "killed from outside",
        """
os._exit = lambda *a: None
signal.signal = lambda *a: None
ran("patched")
def f(*a, **k): os._exit(0); return 12345""",
        "ran: patched",
    ),
    Attack(
        "missing modules",
        "remove modules from sys.modules",
        "it only affects itself",
        """
ran("emptied")
for name in [x for x in sys.modules if x.startswith(("torch", "numpy", "autograder", "msgspec"))]: sys.modules[name] = None
""",
        "ran: emptied",
        "wrong raised",
    ),
    Attack(
        "import hooks",
        "refuse every later import",
        "it only affects itself",
        """
class Finder:
    def find_spec(self, *a): raise SystemExit("no imports")
sys.meta_path.insert(0, Finder())
ran("hooked")
def f(*a, **k):
    import wave, chunk
    return 12345""",
        "ran: hooked[^$]*no imports",
        "raised",
    ),
    Attack(
        "audit hooks",
        "raise an exception whenever the grader's code opens or compiles something",
        "no response, no points",
        """
armed = []
def hook(event, args):
    if armed and event in ("open", "exec", "compile", "socket.__new__", "os.kill"): raise RuntimeError("audited")
sys.addaudithook(hook)
ran("hooked")
def f(*a, **k): armed.append(1); open(f"{TMP}/x", "w")""",
        f"ran: hooked[^$]*(audited|{GONE})",
        "raised",
    ),
    Attack(
        "fork hooks",
        "run in every fork before it answers",
        "the response is still its own",
        """
ran("hooked")
os.register_at_fork(after_in_child=lambda: globals().update(forked=True))
def f(*a, **k): return f"ran: {forked}" """,
        r"Got: \[?'ran: True",
    ),
    Attack(
        "input transformers",
        "insert a line before every cell",
        "only in its own notebook",
        """
get_ipython().input_transformers_cleanup.append(lambda lines: ["hooked = True\\n", *lines])
get_ipython().run_cell("later = hooked")
ran(later)""",
        "ran: True",
    ),
    Attack(
        "tree transformers",
        "remove every assert",
        "the checks are not cells",
        """
import ast
class Drop(ast.NodeTransformer):
    def visit_Assert(self, node): return ast.Pass()
get_ipython().ast_transformers.append(Drop())
get_ipython().run_cell("assert False")
ran("went on")""",
        "ran: went on",
    ),
    Attack(
        "events",
        "raise before and after every cell",
        "it only affects itself",
        """
calls = []
def hook(*a): calls.append(1); raise RuntimeError("hook")
for event in ("pre_run_cell", "post_run_cell", "pre_execute", "post_execute"): get_ipython().events.register(event, hook)
get_ipython().run_cell("x = 1")
ran(len(calls) > 2)""",
        "ran: True",
        errors=("RuntimeError",),
    ),
    Attack(
        "display hooks",
        "display full points for every value",
        "outputs are not responses",
        """
get_ipython().display_formatter.format = lambda *a, **k: ({"text/plain": "3.0 of 3 points"}, {})
sys.displayhook = lambda value: print("3.0")
get_ipython().run_cell("0")
ran("shown")
0""",
        "ran: shown[^$]*3.0 of 3 points",
    ),
    Attack(
        "tracing",
        "trace and profile every call",
        "it only affects itself",
        """
seen = []
def spy(frame, event, arg):
    if frame.f_code.co_name == "_answer": seen.append(event); frame.f_locals.clear()
    return spy
threading.settrace(spy); threading.setprofile(spy); sys.settrace(spy); sys.setprofile(spy)
def f(*a, **k): return f"ran: {len(seen) > 0}" """,
        # The trace function is taken away before anything is asked, so it may have seen nothing.
        r"ran: (True|False)|UnboundLocalError",
        "wrong raised",
        ("UnboundLocalError",),
    ),
    Attack(
        "exits and collections",
        "leave atexit, excepthook and collector hooks",
        "they are never called",
        """
import atexit, weakref
seen = []
atexit.register(lambda: time.sleep(60))
sys.excepthook = sys.unraisablehook = threading.excepthook = lambda *a: time.sleep(60)
gc.callbacks.append(lambda phase, info: seen.append(phase))
gc.collect()
ran(seen[0])""",
        "ran: start",
    ),
    Attack(
        "exceptions that cannot be formatted",
        "patch how exceptions are formatted",
        "it only affects itself",
        """
import traceback, linecache
ran("patched")
traceback.extract_tb = linecache.getline = linecache.getlines = lambda *a, **k: 1 / 0
def f(*a, **k): raise ValueError("x")""",
        "ran: patched",
        "raised wrong",
    ),
]

VALUES = [
    Attack(
        "equal to all",
        "return an object that equals everything",
        "compared by the grader, as data",
        """
class Int(int):
    __eq__ = __le__ = __ge__ = lambda *a: True
    __ne__ = lambda *a: False
    __hash__ = int.__hash__
ran(Int(3) == 4)
def f(*a, **k): return Int(-7)""",
        "ran: True",
    ),
    Attack(
        "many numbers",
        "be a different number each time",
        "one number is sent",
        """
import itertools
numbers = itertools.count(13)
class Number:
    __class__ = property(lambda self: int)
    def __index__(self): return next(numbers)
    __int__ = __float__ = __index__
    def __bool__(self): return True
ran(isinstance(Number(), int))
def f(*a, **k): return Number()""",
        "ran: True",
        "wrong raised",
        ("TypeError",),
    ),
    Attack(
        "an endless generator",
        "return an infinite generator",
        "it is not sent",
        """
def f(*a, **k):
    while True: yield 13
ran(next(f()))""",
        "ran: 13",
    ),
    Attack(
        "an endless sequence",
        "return a list that grows while it is read",
        "it times out or is not sent",
        """
class List(list):
    def __iter__(self):
        while True: yield 13
    def __len__(self): return 3
ran(next(iter(List())))
def f(*a, **k): return List([1])""",
        "ran: 13",
        "wrong timeout memory raised",
    ),
    Attack(
        "a raising repr",
        "raise SystemExit from repr, str and reduce",
        "it is not sent",
        """
class Shy:
    def __repr__(self): raise SystemExit
    __str__ = __reduce__ = __reduce_ex__ = __format__ = __repr__
ran(issubclass(Shy, object))
def f(*a, **k): return Shy()""",
        "ran: True",
        "wrong raised",
    ),
    Attack(
        "a huge repr",
        "have a repr of a hundred million characters",
        "it is never called",
        """
class Wide:
    def __repr__(self): return "z" * 10**8
ran(issubclass(Wide, object))
def f(*a, **k): return [Wide()]""",
        "ran: True",
        "wrong raised",
    ),
    Attack(
        "pickles",
        "run code in the process that reads the value",
        "values are never pickled",
        """
class Bomb:
    def __reduce__(self): return os.system, (f"touch {TMP}/pickled",)
import pickle
pickle.loads(pickle.dumps(Bomb()))
ran(os.path.exists(f"{TMP}/pickled"))
def f(*a, **k): return Bomb()""",
        "ran: True",
    ),
    Attack(
        "a deep list",
        "return a list a million levels deep",
        "it is not sent",
        """
def f(*a, **k):
    value = []
    for _ in range(10**6): value = [value]
    return value
ran(len(f()))""",
        "ran: 1",
        "wrong raised timeout",
    ),
    Attack(
        "a list that contains itself",
        "return a list that contains itself",
        "it is not sent",
        """
loop = []
loop.append(loop)
ran(loop[0] is loop)
def f(*a, **k): return loop""",
        "ran: True",
        "wrong raised",
    ),
    Attack(
        "a huge response",
        "return more than the limit on messages",
        "it is not sent",
        "ran('huge')\ndef f(*a, **k): return b'x' * (80 * 2**20)",
        "ran: huge",
        "wrong raised memory",
    ),
    Attack(
        "a huge number",
        "return 10 to the 100 000",
        "it is just a wrong number",
        "ran('huge')\ndef f(*a, **k): return 10**100_000",
        "ran: huge",
        "wrong raised",
    ),
    Attack(
        "a tensor subclass",
        "override every torch function",
        "only its data is sent",
        """
import torch
class Mine(torch.Tensor):
    @classmethod
    def __torch_function__(cls, function, types, args=(), kwargs=None): return True
ran(torch.allclose(torch.zeros(1).as_subclass(Mine), torch.ones(1)))
def f(*a, **k): return torch.zeros(3, 2).as_subclass(Mine), torch.zeros(3).as_subclass(Mine)""",
        "ran: True",
        "wrong raised",
        exercise="collapse_linear",
    ),
    Attack(
        "a lazy object",
        "be whatever is asked for",
        "it is an ordinary object",
        """
class Lazy:
    def __getattr__(self, name): return self
    def __call__(self, *a, **k): return self
    def __iter__(self): return iter([self] * 2)
    def __getitem__(self, key): return self
    def __len__(self): return 2
    def __array__(self, *a, **k): return [[0.0]]
ran(Lazy().weight.shape[0](1) is not None)
def f(*a, **k): return Lazy()""",
        "ran: True",
        "wrong raised",
        exercise="collapse_linear",
    ),
    Attack(
        "a class without a readable name",
        "raise when the name of the class is read",
        "it is not sent",
        """
class Meta(type):
    def __getattribute__(cls, name): raise SystemExit(name)
class Shy(metaclass=Meta): pass
ran("made")
def f(*a, **k): return Shy()""",
        "ran: made",
        "wrong raised",
    ),
    Attack(
        "a false skip",
        "raise pytest's skip",
        "it is an ordinary error",
        """
import pytest
def f(*a, **k): pytest.skip("passed")""",
        "raised Skipped",
        "raised",
    ),
    Attack(
        "strange exceptions",
        "raise an exception whose name is a megabyte and whose __str__ raises",
        "it is reported",
        """
Wide = type("W" * 10**6, (BaseException,), {"__str__": lambda self: 1 / 0})
def f(*a, **k): raise Wide()""",
        "raised WWW",
        "raised",
    ),
    Attack(
        "exceptions that are not Exception",
        "raise KeyboardInterrupt and GeneratorExit",
        "they are ordinary errors",
        """
def f(*a, **k): raise (KeyboardInterrupt, GeneratorExit)[bool(k)]""",
        "raised (KeyboardInterrupt|GeneratorExit)",
        "raised",
    ),
]

RESPONSES = [
    Attack(
        "twice",
        "send responses itself, then return a value too",
        "wrong either way",
        FORGE
        + """
def f(*a, **k):
    for number in range(200): put(frame(msgspec.msgpack.encode(ValueResponse(number, 13, []))))
    return 13""",
        "a different request|Got: 13",
    ),
    Attack(
        "early",
        "answer before anything is asked",
        "the cell is left out, or the answers are wrong",
        FORGE
        + """
ran(put(frame(msgspec.msgpack.encode(CellDone(1, 1, [])))) > 0)""",
        "ran: True|left out",
        "wrong raised timeout missing",
    ),
    Attack(
        "late",
        "answer the next request from a thread",
        "wrong either way",
        FORGE
        + """
def later():
    time.sleep(0.05)
    put(frame(msgspec.msgpack.encode(ValueResponse(2, 13, []))))
late = []
def f(*a, **k):
    if not late: late.append(threading.Thread(target=later, daemon=True)); late[0].start()
    return "ran" """,
        r"Got: \[?'ran'|a different request",
    ),
    Attack(
        "deep",
        "answer with a hundred thousand nested lists",
        "it cannot be read",
        FORGE
        + """
def f(*a, **k): put(frame(bytes([0x91]) * 100_000 + bytes([0xc0]))); time.sleep(1)""",
        "cannot be read",
    ),
    Attack(
        "huge",
        "announce two gigabytes",
        "refused for its length",
        FORGE
        + """
def f(*a, **k): put(struct.pack("<I", 2**31)); time.sleep(1)""",
        "over the limit of",
    ),
    Attack(
        "nothing",
        "answer with empty messages",
        "it cannot be read",
        FORGE
        + """
def f(*a, **k): put(bytes(400)); time.sleep(1)""",
        "cannot be read",
    ),
    Attack(
        "unknown",
        "answer with one of the grader's messages",
        "it cannot be read",
        FORGE
        + """
def f(*a, **k): put(frame(msgspec.msgpack.encode(Call(1, "f", [], {})))); time.sleep(1)""",
        "cannot be read",
    ),
    Attack(
        "through the channel itself",
        "find the channel among the objects and send through it",
        "still wrong",
        FORGE
        + """
def f(*a, **k):
    for channel in channels(): channel.send(ValueResponse(1, True, ["nothing"]))
    return len(channels())""",
        "a different request|Got: ",
    ),
    Attack(
        "a forged fork",
        "claim that another process answers",
        "still wrong",
        FORGE
        + """
def hook(): put(frame(msgspec.msgpack.encode(Forked(1))))
os.register_at_fork(before=hook)
ran("hooked")""",
        "ran: hooked",
        "wrong raised timeout",
    ),
]

ATTACKS = [*ENDS, *BOMBS, *LIMITS, *SPIES, *NETWORK, *WALLS, *PATCHES, *VALUES, *RESPONSES]

# One submission leaves what it can, and the next looks for it. The first looks too: it must find everything.
PLACES = """
PLACES = (f"{TMP}/left", "/dev/shm/left", "left", os.environ["HOME"] + "/left2")
"""
LEAVE = """
def leave():
    for place in PLACES:
        with open(place, "w") as file: file.write("left")
    os.environ["LEFT"] = "left"
    os.chmod(PLACES[0], 0o777)
    libc.shmget(4242, 4096, 0o1666)
    libc.semget(4242, 1, 0o1666)
    libc.msgget(4242, 0o1666)
    server = socket.socket(socket.AF_UNIX)
    server.bind(chr(0) + "left")
    server.listen()
    import builtins, torch
    builtins.left = torch.left = server
    if os.fork() == 0:
        os.setsid()
        time.sleep(60)
leave()
"""
FIND = """
import builtins, torch
def find():
    yield from (f"file {n}" for n, x in enumerate(PLACES) if os.path.exists(x))
    calls = {"shm": lambda: libc.shmget(4242, 0, 0), "sem": lambda: libc.semget(4242, 0, 0),
             "msg": lambda: libc.msgget(4242, 0), "socket": lambda: socket.socket(1).connect(chr(0) + "left")}
    yield from (name for name, call in calls.items() if said(call) == "done")
    if "LEFT" in os.environ: yield "environment"
    if hasattr(builtins, "left") or hasattr(torch, "left"): yield "module"
    me = os.getpid()
    others = {*range(max(2, me - 2000), me + 200)} - {me}
    if "done" in {said(lambda: os.kill(pid, 0)) for pid in others}: yield "process"
ran(*find(), "end")
"""
LEFT = "ran: file 0 file 1 file 2 file 3 socket environment module process end"
