"""A table of attacks: what each notebook tries, what must come of it, and what shows that it really ran.

All of them: no point, no secret, and the honest notebook after it is graded as if it had not been there.
`shows` is looked for in what the student gets to see; `errors` are the errors that its cell may end with.
COURSE stands for the course's folder.
"""

from __future__ import annotations

from typing import NamedTuple

PRELUDE = """
import ctypes, errno, gc, os, resource, signal, socket, struct, sys, tempfile, threading, time
TMP = tempfile.gettempdir()  # without a file system of its own, the working folder
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
# What a function needs to answer in the place of the process that it runs in.
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
    "Into every socket that takes it at once."
    sent = 0
    for fd in list(sockets()):
        try: sent += socket.socket(fileno=os.dup(fd)).send(data, socket.MSG_DONTWAIT)
        except OSError: pass
    return sent
"""


class Attack(NamedTuple):
    name: str
    tries: str
    comes: str
    cell: str
    shows: str
    status: str = "wrong"
    errors: tuple[str, ...] = ()
    exercise: str = "count_params"
    elsewhere: str = ""
    """What shows that it ran in the form without namespaces, where that is something else."""


GONE = "ended the Python process"
REFUSED = "EPERM|EACCES|ENOENT|EROFS|ESRCH"

ENDS = [
    Attack(
        "recursion",
        "recurse without end",
        "a RecursionError, of the cell and of the question",
        "def f(*a, **k): return f()\ntry: f()\nexcept RecursionError as e: ran(type(e).__name__)",
        "ran: RecursionError[^$]*raised RecursionError",
        "raised",
    ),
    Attack(
        "recursion in C",
        "overflow the C stack",
        "the process ends, as with a crash",
        "sys.setrecursionlimit(10**8)\ndef f(*a, **k): return next(map(f, [0]))",
        GONE,
        "raised",
    ),
    Attack(
        "_exit in a cell", "end the process", "the cell is left out", "os._exit(0)", f"left out: it {GONE}"
    ),
    Attack(
        "_exit in a question",
        "end the copy with success",
        "no answer is no point",
        "def f(*a, **k): os._exit(0)",
        GONE,
        "raised",
    ),
    Attack(
        "sys.exit",
        "leave by SystemExit",
        "it is an error like any other",
        "def f(*a, **k): sys.exit(0)\nsys.exit(0)",
        "raised SystemExit",
        "raised",
        ("SystemExit",),
    ),
    Attack(
        "quit",
        "use IPython's own way out",
        "nothing ends",
        "get_ipython().run_cell('exit()')\nran('asked')",
        "ran: asked",
        errors=("AttributeError",),
    ),
    Attack(
        "KILL to itself",
        "die in a cell",
        "the cell is left out",
        "os.kill(os.getpid(), signal.SIGKILL)",
        f"left out: it {GONE}",
    ),
    Attack(
        "ABRT to itself",
        "die in a question",
        "no answer is no point",
        "def f(*a, **k): os.abort()",
        GONE,
        "raised",
    ),
    Attack(
        "STOP to itself",
        "sleep for ever in a question",
        "the question's time runs out",
        "def f(*a, **k): os.kill(os.getpid(), signal.SIGSTOP)",
        "still running after",
        "timeout",
    ),
    Attack(
        "STOP in a cell",
        "sleep for ever in a cell",
        "the cell is left out in the end",
        "os.kill(os.getpid(), signal.SIGSTOP)",
        "left out: it did not stop after",
    ),
    Attack(
        "SEGV", "read address 0", "the process ends", "def f(*a, **k): ctypes.string_at(0)", GONE, "raised"
    ),
    Attack(
        "signals to others",
        "send every signal to the parent, to pid 1 and to all",
        "all are refused",
        """
found = {said(lambda: os.kill(pid, number)) for pid in (1, os.getppid(), -1) for number in range(1, 65)
         if number not in (32, 33)}
ran(*sorted(found))""",
        "ran: EPERM( ESRCH)?\n",
        elsewhere="ran: EPERM done\n",  # the kernel says so to a signal to all that reached nobody
    ),
    Attack(
        "signals by pidfd",
        "reach pid 1 by a descriptor",
        "refused",
        """
ran(said(lambda: signal.pidfd_send_signal(os.pidfd_open(1), signal.SIGKILL)))""",
        "ran: EPERM",
    ),
    Attack(
        "deaf",
        "ignore every signal and never end",
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
        "it hits itself alone",
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
        "be ended by an alarm later",
        "no answer is no point",
        "def f(*a, **k): signal.signal(signal.SIGALRM, signal.SIG_DFL); signal.setitimer(0, .05); time.sleep(9)",
        GONE,
        "raised",
    ),
    Attack(
        "endless loop",
        "compute for ever in a question",
        "the question's time runs out",
        "def f(*a, **k):\n    while True: pass",
        "still running after",
        "timeout",
    ),
    Attack(
        "closed descriptors",
        "close all of them in a cell",
        "the cell is left out",
        "os.closerange(0, 90)",
        "left out: ",
    ),
    Attack(
        "closed in a question",
        "close all of them in a question",
        "no answer is no point",
        "def f(*a, **k): os.closerange(0, 90)",
        GONE,
        "raised",
    ),
    Attack(
        "channel to nowhere",
        "put /dev/null over the channel",
        "no answer is no point",
        FORGE
        + """
def f(*a, **k):
    null = os.open("/dev/null", os.O_RDWR)
    for fd in list(sockets()): os.dup2(null, fd)""",
        GONE,
        "raised",
    ),
    Attack(
        "deaf channel",
        "shut the channel for reading and writing",
        "no answer is no point",
        FORGE
        + """
def f(*a, **k):
    for fd in list(sockets()): socket.socket(fileno=os.dup(fd)).shutdown(2)""",
        GONE,
        "raised",
    ),
    Attack(
        "new streams",
        "replace sys.stdout and sys.stderr by what raises",
        "errors of its own",
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
        "start processes without end",
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
        "start threads without end",
        "refused after a few; they answer for nothing",
        """
ran(until_refused(lambda: threading.Thread(target=time.sleep, args=(60,), daemon=True).start()))""",
        "ran: RuntimeError after some",
    ),
    Attack(
        "daemon",
        "leave a process in a session of its own that forks itself anew",
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
        "open files without end",
        "refused after a few",
        """
ran(until_refused(lambda: kept.append(os.open("/dev/null", 0)))) if (kept := []) == [] else 0""",
        "ran: EMFILE after some",
        "raised",
    ),
    Attack(
        "memory",
        "take memory without end",
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
        "take memory by torch",
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
        elsewhere="left out: it ended the Python process",
    ),
    Attack(
        "one large file",
        "grow one file without end",
        "refused at the limit of a file",
        """
file = open(f"{TMP}/large", "wb", buffering=0)
ran(said(lambda: os.truncate(f"{TMP}/large", 2**40)))""",
        "ran: EFBIG",
    ),
    Attack(
        "inodes",
        "make empty files without end",
        "refused at the quota",
        """
names = iter(range(10**6))
ran(until_refused(lambda: open(f"{TMP}/i{next(names)}", "w").close()))""",
        "ran: ENOSPC after some",
        elsewhere="left out: it ended the Python process",
    ),
    Attack(
        "depth",
        "make folders in folders without end",
        "refused at the quota, and taken away",
        """
def deeper(): os.mkdir("d"); os.chdir("d")
ran(until_refused(deeper, 20_000))""",
        "ran: ENOSPC after some",
        elsewhere="left out: it ended the Python process",
    ),
    Attack(
        "shared memory",
        "fill /dev/shm",
        "refused at the quota",
        """
import time
kept = []
def fill():
    kept.append(os.open(f"/dev/shm/{len(kept)}", os.O_CREAT | os.O_RDWR))
    os.posix_fallocate(kept[-1], 0, 2**21)
    time.sleep(0.005)
ran(until_refused(fill, 400))
time.sleep(3)""",
        "ran: ENOSPC after some",
        elsewhere="left out: it ended the Python process",
    ),
    Attack(
        "files in memory",
        "fill anonymous files",
        "refused at the limits of one file and of descriptors",
        """
def fill():
    fd = os.memfd_create("x")
    os.posix_fallocate(fd, 0, 2**20)
ran(said(lambda: os.posix_fallocate(os.memfd_create("y"), 0, 2**30)), until_refused(fill))""",
        "ran: EFBIG EMFILE after some",
        "wrong raised",
    ),
    Attack(
        "printing",
        "print without end",
        "cut at the bound",
        "ran('printing')\nfor _ in range(100): print('x' * 10**5)",
        r"ran: printing[^$]*output cut here",
    ),
    Attack(
        "writing past Python",
        "flood descriptor 1",
        "cut at the bound",
        "ran(until_refused(lambda: os.write(1, b'x' * 10**6), 60))",
        "ran: .*",
    ),
    Attack(
        "displays",
        "show a thousand large things",
        "cut at the bound",
        """
from IPython.display import display
ran("showing")
for n in range(1000): display({'text/plain': 'x' * 5000}, raw=True)""",
        r"ran: showing[^$]*output cut here",
    ),
    Attack(
        "a very long error",
        "raise with a text of ten million characters",
        "cut at the bound",
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
        "set the limits of the warm process",
        "refused",
        """
ran(said(lambda: resource.prlimit(1, resource.RLIMIT_NOFILE, (0, 0))))""",
        "ran: EPERM",
    ),
    Attack(
        "no limits left",
        "set its own limits to 0",
        "it harms itself",
        """
ran("lowering")
resource.setrlimit(resource.RLIMIT_NPROC, (0, 0))
resource.setrlimit(resource.RLIMIT_NOFILE, (3, 3))""",
        f"ran: lowering|left out: it {GONE}",
        "wrong raised",
    ),
    Attack(
        "priorities",
        "run before everyone else and hold others back",
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
        "its own affair",
        """
os.nice(19)
os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
ran(os.getpriority(0, 0))""",
        "ran: 19",
    ),
    Attack(
        "out of memory score",
        "be the last to go when memory runs out",
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
        "attach to the warm process",
        "refused",
        """
ran(*[said(lambda: libc.ptrace(how, pid, 0, 0)) for how in (16, 0x4206) for pid in (1, os.getppid())])""",
        "ran: EPERM EPERM EPERM EPERM",
    ),
    Attack(
        "process_vm_readv",
        "read and write the warm process's memory",
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
        "closed",
        """
names = ("mem", "environ", "maps", "cwd", "root", "exe", "fd/0", "stack", "cmdline", "mountinfo", "task/1/mem")
ran(sorted({said(lambda: os.close(os.open(f"/proc/1/{name}", os.O_RDONLY))) for name in names}))""",
        rf"ran: \[('({REFUSED})'(, )?)+\]",
    ),
    Attack(
        "the course",
        "read gradebook, secret, solutions, tests, settings and another submission",
        "not there",
        """
names = ("gradebook.db", ".autograder/secret", "solutions/part1_neurons.py", "pyproject.toml", "nbgrader_config.py",
         "tests/module6/count_params/test_count_params.py", "submitted/victim/module6/part1_neurons.ipynb")
ran(*[said(lambda: open(f"COURSE/{name}").read()) for name in names])""",
        "ran: (ENOENT ?){7}\n",
        elsewhere="ran: ((EACCES|ENOENT) ?){7}\n",
    ),
    Attack(
        "the course by links",
        "reach it by links and by open roots",
        "not there",
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
        "the grader's is not there",
        "ran(dict(os.environ))",
        "ran: .*'HOME'",
    ),
    Attack(
        "passwords",
        "read what only root may",
        "closed",
        "ran(said(lambda: open('/etc/shadow')), said(lambda: open('/etc/sudoers')))",
        f"ran: ({REFUSED}) ({REFUSED})",
    ),
    Attack(
        "keyrings",
        "keep a key for the next one",
        "there are none",
        """
ran(said(lambda: libc.syscall(248, b"user", b"left", b"secret", 6, -3)), said(lambda: libc.syscall(250, 0, -4, 1)),
    said(lambda: libc.syscall(249, b"user", b"left", 0, -4)))""",
        "ran: (EPERM|EBADF|EFAULT|ENOSYS|EINVAL|ENOENT)( |\n)",
    ),
    Attack(
        "frames",
        "walk up the frames and through all objects for the reference",
        "only its own side is there",
        """
def f(*a, **k):
    walk, names = sys._getframe(), []
    while walk: names.append(walk.f_code.co_filename.rsplit("/", 1)[-1]); walk = walk.f_back
    kinds = {type(x).__name__ for x in gc.get_objects()}
    assert "answerer.py" in names and "Answerer" in kinds
    return f"ran: {sorted(kinds & {'SubmissionGrader', 'WorkerService', 'ReferenceProxy', 'CollectedGraders', 'Course', 'Drawer', 'ForkServerLauncher'})}"
""",
        r"Came back: \[?.ran: \[\]",
    ),
    Attack(
        "grader's modules",
        "import the grader",
        "it is not there",
        """
import importlib
def load(name):
    try: importlib.import_module(name)
    except ImportError: return "absent"
    except PermissionError: return "closed"
ran(*{load(f"autograder.{name}") for name in ("course.course", "grading.draw", "grading.grade_submission", "process.launcher", "workers.worker")})""",
        "ran: absent\n",
        elsewhere="ran: closed\n",
    ),
]

NETWORK = [
    Attack(
        "families",
        "open a socket of every other family",
        "there is none",
        """
families = (2, 10, 3, 4, 5, 9, 16, 17, 29, 31, 38, 40, 44)
ran(*sorted({said(lambda: socket.socket(x, kind)) for x in families for kind in (1, 2, 3)}))""",
        "ran: EAFNOSUPPORT\n",
    ),
    Attack(
        "a pair of sockets",
        "open an inet socket by socketpair",
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
        "talk to services by their sockets",
        "none is there",
        """
places = ("/var/run/docker.sock", "/run/docker.sock", "/run/containerd/containerd.sock", "/run/dbus/system_bus_socket",
          "/run/systemd/private", "/tmp/.X11-unix/X0", "/run/nscd/socket", "/run/user/0/bus")
ran(*{said(lambda: socket.socket(1).connect(place)) for place in places})""",
        f"ran: ({REFUSED})\n",
    ),
    Attack(
        "abstract sockets",
        "talk to the grader's abstract socket",
        "another network's",
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
        "become root or someone else",
        "refused",
        """
ran(*[said(x) for x in (lambda: os.setresuid(0, 0, 0), lambda: os.setresgid(0, 0, 0), lambda: os.setgroups([0]),
    lambda: os.setuid(os.getuid() + 1), lambda: os.chown("/tmp", 0, 0))])""",
        "ran: ((EPERM|EINVAL) ?){5}\n",  # EINVAL: no such uid in its user namespace
    ),
    Attack(
        "set-uid files",
        "make a set-uid file and use su",
        "no privileges come of it",
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
        "use the calls that exploits begin with",
        "not there",
        """
calls = {"bpf": 321, "perf": 298, "userfaultfd": 323, "io_uring": 425, "modify_ldt": 154, "kexec": 246, "init": 175}
ran(*sorted({said(lambda: libc.syscall(n, 0, 0, 0, 0, 0)) for n in calls.values()}))""",
        "ran: ENOSYS EPERM|ran: EPERM",
    ),
    Attack(
        "devices",
        "make devices and pipes",
        "refused",
        """
ran(said(lambda: os.mknod("disk", 0o60600, os.makedev(8, 0))), said(lambda: os.mkfifo("pipe")))""",
        "ran: EPERM EPERM",
    ),
    Attack(
        "its folder",
        "put links in the place of the data and take the folder away",
        "only its own",
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
        "a folder like a module",
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
        "let every comparison hold",
        "the grader compares elsewhere",
        """
import numpy as np
for name in ("allclose", "isclose", "array_equal", "all", "any", "equal"): setattr(np, name, lambda *a, **k: True)
ran(np.allclose(1, 2))""",
        "ran: True",
    ),
    Attack(
        "torch",
        "let every function give what it likes",
        "the grader computes elsewhere",
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
        "change isinstance, len, type and repr",
        "its own affair",
        """
import builtins
ran("patched")
for name in ("len", "repr", "sorted", "abs", "hasattr"): setattr(builtins, name, lambda *a, **k: True)
builtins.isinstance = lambda *a: True""",
        "ran: patched|left out: the process answered nonsense",
        "wrong raised",
        ("TypeError", "AttributeError"),
    ),
    Attack(
        "json and msgspec",
        "encode what it likes",
        "what crosses is decoded strictly",
        """
import json, msgspec
import autograder.protocol.answerer as answers
json.dumps = lambda *a, **k: "13"
msgspec.msgpack.encode = lambda *a: b"\\xc0"
answers._encode = lambda *a: b""
ran("patched")""",
        "left out: the process answered nonsense",
    ),
    Attack(
        "nonsense in a question",
        "encode nothing",
        "what crosses is decoded strictly",
        """
import msgspec
def f(*a, **k):
    msgspec.msgpack.encode = lambda *a: b"\\xc0"
    return 13""",
        "cannot be read",
    ),
    Attack(
        "inside",
        "patch every function of autograder.student",
        "answers stay data",
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
        "the socket's class",
        "replace socket.socket and os.fork",
        "its own affair",
        """
ran("patched")
socket.socket = lambda *a, **k: None
os.fork = lambda: 0""",
        "ran: patched",
        "wrong raised timeout internal",
    ),
    Attack(
        "ends that do not end",
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
        "modules taken away",
        "empty sys.modules",
        "its own affair",
        """
ran("emptied")
for name in [x for x in sys.modules if x.startswith(("torch", "numpy", "autograder", "msgspec"))]: sys.modules[name] = None
""",
        "ran: emptied",
        "wrong raised",
    ),
    Attack(
        "import hooks",
        "refuse every import from now on",
        "its own affair",
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
        "end the process at the grader's own exec and open",
        "no answer is no point",
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
        "run in every copy before it answers",
        "answers stay its own",
        """
ran("hooked")
os.register_at_fork(after_in_child=lambda: globals().update(forked=True))
def f(*a, **k): return f"ran: {forked}" """,
        r"Came back: \[?'ran: True",
    ),
    Attack(
        "input transformers",
        "put a line before every cell",
        "of its own notebook alone",
        """
get_ipython().input_transformers_cleanup.append(lambda lines: ["hooked = True\\n", *lines])
get_ipython().run_cell("later = hooked")
ran(later)""",
        "ran: True",
    ),
    Attack(
        "tree transformers",
        "take out every assert",
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
        "its own affair",
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
        "show every value as right",
        "outputs are no answers",
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
        "its own affair",
        """
seen = []
def spy(frame, event, arg):
    if frame.f_code.co_name == "_answer": seen.append(event); frame.f_locals.clear()
    return spy
threading.settrace(spy); threading.setprofile(spy); sys.settrace(spy); sys.setprofile(spy)
def f(*a, **k): return f"ran: {len(seen) > 0}" """,
        r"Came back: \[?'ran: True|raised UnboundLocalError",
        "wrong raised",
        ("UnboundLocalError",),
    ),
    Attack(
        "exits and collections",
        "leave atexit, excepthook and collector hooks",
        "nothing of ours calls them",
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
        "errors without text",
        "patch how errors are told",
        "its own affair",
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
        "return what equals everything",
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
        "be another number whenever asked",
        "one number crosses",
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
        "return what never ends",
        "it does not cross",
        """
def f(*a, **k):
    while True: yield 13
ran(next(f()))""",
        "ran: 13",
    ),
    Attack(
        "an endless sequence",
        "return a list that grows while it is read",
        "the time runs out or it does not cross",
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
        "it does not cross",
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
        "it is not asked for",
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
        "run code where the value is read",
        "values are no pickles",
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
        "it does not cross",
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
        "a list in itself",
        "return a list that holds itself",
        "it does not cross",
        """
loop = []
loop.append(loop)
ran(loop[0] is loop)
def f(*a, **k): return loop""",
        "ran: True",
        "wrong raised",
    ),
    Attack(
        "a huge answer",
        "return more than may cross",
        "it does not cross",
        "ran('huge')\ndef f(*a, **k): return b'x' * (80 * 2**20)",
        "ran: huge",
        "wrong raised memory",
    ),
    Attack(
        "a huge number",
        "return 10 to the 100 000",
        "it is a wrong number",
        "ran('huge')\ndef f(*a, **k): return 10**100_000",
        "ran: huge",
        "wrong raised",
    ),
    Attack(
        "a tensor of one's own",
        "answer every torch function",
        "its data alone cross",
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
        "it is an object like any other",
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
        "a shy class",
        "raise where the name of the class is read",
        "it does not cross",
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
        "it is an error like any other",
        """
import pytest
def f(*a, **k): pytest.skip("passed")""",
        "raised Skipped",
        "raised",
    ),
    Attack(
        "false kinds of errors",
        "raise an error whose name is a megabyte and whose text raises",
        "told as it is",
        """
Wide = type("W" * 10**6, (BaseException,), {"__str__": lambda self: 1 / 0})
def f(*a, **k): raise Wide()""",
        "raised WWW",
        "raised",
    ),
    Attack(
        "an unmarked check",
        "raise KeyboardInterrupt and GeneratorExit",
        "errors like any other",
        """
def f(*a, **k): raise (KeyboardInterrupt, GeneratorExit)[bool(k)]""",
        "raised (KeyboardInterrupt|GeneratorExit)",
        "raised",
    ),
]

REPLIES = [
    Attack(
        "doubled",
        "answer by itself first, then again",
        "wrong answers either way",
        FORGE
        + """
def f(*a, **k):
    for number in range(200): put(frame(msgspec.msgpack.encode(ValueResponse(number, 13, []))))
    return 13""",
        "another question|Came back: 13",
    ),
    Attack(
        "early",
        "answer before anything is asked",
        "the cell is left out or ends wrong",
        FORGE
        + """
ran(put(frame(msgspec.msgpack.encode(CellDone(1, 1, [])))) > 0)""",
        "ran: True|left out",
        "wrong raised timeout",
    ),
    Attack(
        "late",
        "answer the next question by a thread",
        "wrong answers either way",
        FORGE
        + """
def later():
    time.sleep(0.05)
    put(frame(msgspec.msgpack.encode(ValueResponse(2, 13, []))))
late = []
def f(*a, **k):
    if not late: late.append(threading.Thread(target=later, daemon=True)); late[0].start()
    return "ran" """,
        r"Came back: \[?'ran'|another question",
    ),
    Attack(
        "deep",
        "answer with a hundred thousand levels",
        "it cannot be read",
        FORGE
        + """
def f(*a, **k): put(frame(bytes([0x91]) * 100_000 + bytes([0xc0]))); time.sleep(1)""",
        "cannot be read",
    ),
    Attack(
        "huge",
        "announce two gigabytes",
        "refused by its length",
        FORGE
        + """
def f(*a, **k): put(struct.pack("<I", 2**31)); time.sleep(1)""",
        "over the bound",
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
        "answer with a message of the grader's",
        "it cannot be read",
        FORGE
        + """
def f(*a, **k): put(frame(msgspec.msgpack.encode(Call(1, "f", [], {})))); time.sleep(1)""",
        "cannot be read",
    ),
    Attack(
        "through the grader's own channel",
        "find the channel among the objects and send by it",
        "wrong all the same",
        FORGE
        + """
def f(*a, **k):
    for channel in channels(): channel.send(ValueResponse(1, True, ["nothing"]))
    return len(channels())""",
        "another question|Came back",
    ),
    Attack(
        "a forged copy",
        "say that another process answers",
        "wrong all the same",
        FORGE
        + """
def hook(): put(frame(msgspec.msgpack.encode(Forked(1))))
os.register_at_fork(before=hook)
ran("hooked")""",
        "ran: hooked",
        "wrong raised timeout",
    ),
]

ATTACKS = [*ENDS, *BOMBS, *LIMITS, *SPIES, *NETWORK, *WALLS, *PATCHES, *VALUES, *REPLIES]

# One leaves what it can, the next looks for it. The first one looks too, so that it is known to be there.
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
