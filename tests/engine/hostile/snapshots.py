"""Attacks on the copies of a notebook that are taken before each test cell.

Each is a notebook of three cells around two exercises: what runs before the first copy is taken, between the
two, and after both. The later cells run beside the copies, which belong to the same user.
"""

from __future__ import annotations

from typing import NamedTuple

WRONG = """
def count_params(*a, **k): return 12345
def collapse_linear(*a, **k): return 12345
"""


class SnapshotAttack(NamedTuple):
    name: str
    before: str
    between: str = ""
    after: str = ""
    evidence: str = "ran: "
    """A regular expression that is found in what the student sees."""


OTHERS = """
def others():
    "All processes of this user that can be seen, except this one."
    try: pids = [int(x) for x in os.listdir("/proc") if x.isdigit()]
    except OSError: pids = list(range(1, 400))
    return [pid for pid in pids if pid not in (os.getpid(), os.getppid(), 1)]
"""
# Answers whatever is asked, on every socket, for the process that runs this.
ANSWER = """
def answer_all(value):
    from autograder.protocol.messages import Request, ValueResponse, Serve
    for channel in channels():
        try:
            channel.receive(Serve, 5)
            while True:
                request = channel.receive(Request, 5)
                channel.send(ValueResponse(request.id, value, []))
        except BaseException: pass
"""

ATTACKS = [
    SnapshotAttack("kill the copies", OTHERS, "", "for pid in others(): ran(said(lambda: os.kill(pid, 9)))"),
    SnapshotAttack(
        "stop the copies", OTHERS, "", "for pid in others(): ran(said(lambda: os.kill(pid, signal.SIGSTOP)))"
    ),
    SnapshotAttack(
        "interrupt the copies",
        OTHERS,
        "",
        "for pid in others(): ran(said(lambda: os.kill(pid, signal.SIGINT)))",
    ),
    SnapshotAttack(
        "wait for the copies",
        "",
        "",
        "for x in range(9): ran(said(lambda: os.waitpid(-1, os.WNOHANG)))\nsignal.signal(signal.SIGCHLD, signal.SIG_IGN)",
    ),
    SnapshotAttack(
        "kill and wait",
        OTHERS,
        "",
        "for pid in others():\n    ran(said(lambda: os.kill(pid, 9)))\n    ran(said(lambda: os.waitpid(pid, 0)))",
    ),
    SnapshotAttack(
        "trace the copies", OTHERS, "", "for pid in others(): ran(said(lambda: libc.ptrace(16, pid, 0, 0)))"
    ),
    SnapshotAttack(
        "memory of the copies",
        OTHERS,
        "",
        "for pid in others():\n    for name in ('mem', 'fd', 'maps', 'environ'): ran(name, said(lambda: os.listdir(f'/proc/{pid}/fd') if name == 'fd' else open(f'/proc/{pid}/{name}', 'rb').read(1)))",
    ),
    SnapshotAttack(
        "steal the copies' sockets",
        OTHERS,
        "",
        "for pid in others():\n    fd = said(lambda: os.pidfd_open(pid)); ran(fd)\n    for n in range(3, 20): ran(said(lambda: libc.syscall(438, os.pidfd_open(pid), n, 0)))",
    ),
    SnapshotAttack(
        "at-fork hooks that block", "os.register_at_fork(before=lambda: time.sleep(3600)); ran('hook')"
    ),
    SnapshotAttack(
        "at-fork hooks that fail", "os.register_at_fork(after_in_child=lambda: os._exit(0)); ran('hook')"
    ),
    SnapshotAttack(
        "at-fork hooks that fork",
        "os.register_at_fork(after_in_child=lambda: [os.fork() for _ in range(9)]); ran('hook')",
    ),
    SnapshotAttack(
        "at-fork hooks that end the notebook",
        "os.register_at_fork(after_in_parent=lambda: os._exit(0)); ran('hook')",
    ),
    SnapshotAttack("no fork", "def fork(): raise OSError('no')\nos.fork = fork; ran('patched')"),
    SnapshotAttack("fork of pid -1", "os.fork = lambda: -1; ran('patched')"),
    SnapshotAttack("fork of pid 1", "os.fork = lambda: 1; ran('patched')"),
    SnapshotAttack("fork of a huge pid", "os.fork = lambda: 2**62; ran('patched')"),
    SnapshotAttack("every fork is a child", "os.fork = lambda: 0; ran('patched')"),
    SnapshotAttack(
        "forged Forked",
        "",
        """
for channel in channels(): channel.send(Forked(77)); channel.send(Forked(1)); ran('sent')""",
        "",
    ),
    SnapshotAttack(
        "forged ForkEnded",
        "",
        "",
        """
for channel in channels():
    for _ in range(9): channel.send(ForkEnded(9)); ran('sent')""",
    ),
    SnapshotAttack(
        "forged signals of a copy",
        "import autograder.student.notebook_process as p\np._end_fork = lambda pid: 2**60; ran('patched')\ndef count_params(*a, **k): os._exit(1)\n",
    ),
    SnapshotAttack(
        "no processes left",
        "",
        """
children = []
try:
    while True:
        pid = os.fork()
        if not pid:
            time.sleep(600); os._exit(0)
        children.append(pid)
except OSError as error: ran(error.errno)""",
        "",
    ),
    SnapshotAttack(
        "no descriptors left",
        "",
        """
held = []
try:
    while True: held.append(os.open('/dev/null', 0))
except OSError as error: ran(error.errno)""",
        "",
    ),
    SnapshotAttack(
        "no memory left",
        "",
        """
held = []
try:
    while True: held.append(bytearray(2**24))
except MemoryError as error: ran('full')""",
        "",
    ),
    SnapshotAttack(
        "threads",
        "import threading\nthreading.Thread(target=time.sleep, args=[900], daemon=True).start(); ran('thread')",
    ),
    SnapshotAttack(
        "answers in a hook of the copy",
        ANSWER
        + """
from autograder.protocol.values import *
os.register_at_fork(after_in_child=lambda: threading.Timer(0.1, answer_all, [True]).start()); ran('hook')""",
    ),
    SnapshotAttack(
        "copies that answer each other",
        ANSWER,
        "ran(len(list(sockets())), 'sockets')",
        """
import pathlib
ran(len(list(sockets())), 'sockets')""",
    ),
    SnapshotAttack(
        "a queue between the copies",
        """
left, right = socket.socketpair(); left.settimeout(0.2); right.settimeout(0.2)
def count_params(*a, **k):
    try: right.send(repr(a).encode()[:500])
    except OSError: pass
    return 12345
def collapse_linear(*a, **k):
    try: return left.recv(500).decode()
    except OSError as error: return 12345
ran('sockets')""",
    ),
    SnapshotAttack(
        "an example that fails, so that it is asked twice",
        "",
        "raise ValueError('failed on purpose')",
        "ran('failed')",
    ),
    SnapshotAttack(
        "two answers",
        """
def count_params(*a, **k): return 12345
""",
        "assert False",
        """
ran('later')
def count_params(*a, **k):
    import pathlib
    return len(list(pathlib.Path(TMP).iterdir()))""",
    ),
]
