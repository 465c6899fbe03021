"""Attacks on the copies of a notebook that are taken before each test cell, and on being asked twice.

Each notebook defines two wrong functions, runs `before`, and then has two test cells, `between` and `after`.
The copies for both exercises run beside the later cells, as processes of the same user.
"""

from __future__ import annotations

from typing import NamedTuple

WRONG = """
def count_params(*a, **k): return 12345
def collapse_linear(*a, **k): return 12345
def others():
    "All processes that can be seen, except this one and those above it."
    try: pids = [int(x) for x in os.listdir("/proc") if x.isdigit()]
    except OSError: pids = list(range(max(2, os.getpid() - 50), os.getpid() + 50))
    return [pid for pid in pids if pid not in (os.getpid(), os.getppid(), 1)]
def to_others(action):
    "What happens when this is done to each of them."
    for pid in others(): ran(said(lambda: action(pid)))
"""


class SnapshotAttack(NamedTuple):
    """One hostile notebook; `evidence` is a regular expression that is found in what the student sees."""

    name: str
    goal: str
    outcome: str
    before: str = ""
    between: str = ""
    after: str = ""
    evidence: str = "ran: "


ATTACKS = [
    SnapshotAttack(
        "kill the copies",
        "kill everything else of this user",
        "the exercises are asked in new copies",
        after="to_others(lambda pid: os.kill(pid, signal.SIGKILL))",
        evidence="ran: done",
    ),
    SnapshotAttack(
        "kill and wait",
        "kill the copies and reap them",
        "the exercises are asked in new copies",
        after="""
to_others(lambda pid: os.kill(pid, signal.SIGKILL))
for _ in range(9): ran(said(lambda: os.waitpid(-1, 0)))""",
        evidence="ran: done",
    ),
    SnapshotAttack(
        "stop the copies",
        "leave the copies stopped",
        "a question times out; then a new copy is asked",
        after="to_others(lambda pid: os.kill(pid, signal.SIGSTOP))",
        evidence="ran: done",
    ),
    SnapshotAttack(
        "interrupt the copies",
        "interrupt whatever the copies do",
        "nothing is interrupted that answers",
        after="to_others(lambda pid: os.kill(pid, signal.SIGINT))",
        evidence="ran: done",
    ),
    SnapshotAttack(
        "trace the copies",
        "read and write what the copies do",
        "refused",
        after="to_others(lambda pid: libc.ptrace(16, pid, 0, 0))",
        evidence="ran: EPERM",
    ),
    SnapshotAttack(
        "the copies' sockets",
        "take the sockets on which the copies answer",
        "refused",
        after="""
for pid in others():
    for number in range(3, 20): ran(said(lambda: libc.syscall(438, os.pidfd_open(pid), number, 0)))""",
        evidence="ran: (EPERM|ENOSYS)",
    ),
    SnapshotAttack(
        "sockets from before",
        "keep an end of a copy's socket, and answer there",
        "each copy has its own, and only that",
        before="ran(len(list(sockets())), 'sockets')",
        after="ran(len(list(sockets())), 'sockets')",
        evidence="ran: 1 sockets",
    ),
    SnapshotAttack(
        "a queue between the copies",
        "let one exercise's copy tell another's what it was asked",
        "the inputs of one exercise do not help in another",
        before="""
left, right = socket.socketpair(); left.settimeout(0.2); right.settimeout(0.2)
def count_params(*a, **k):
    try: right.send(repr(a).encode()[:500])
    except OSError: pass
    return 12345
def collapse_linear(*a, **k):
    try: return left.recv(500).decode()
    except OSError: return 12345
ran("a queue")""",
    ),
    SnapshotAttack(
        "hooks that end the copy",
        "exit in each copy as soon as it is made",
        "no response, no points",
        before="os.register_at_fork(after_in_child=lambda: os._exit(0)); ran('hook')",
    ),
    SnapshotAttack(
        "hooks that end the notebook",
        "exit when the first copy has been made",
        "the notebook runs again without copies",
        before="os.register_at_fork(after_in_parent=lambda: os._exit(0)); ran('hook')",
    ),
    SnapshotAttack(
        "hooks that fork",
        "start more processes in each copy",
        "they are gone afterwards",
        before="""
def bomb():
    for _ in range(9):
        if os._fork() == 0: time.sleep(100); os._exit(0)
os._fork = ctypes.CDLL(None).fork
os.register_at_fork(after_in_child=bomb); ran("hook")""",
    ),
    SnapshotAttack(
        "hooks that answer",
        "answer before the copy does, from a thread",
        "still wrong",
        before="""
from autograder.protocol.values import *
def answer():
    for channel in channels():
        for number in range(9): channel.send(ValueResponse(number, True, []))
os.register_at_fork(after_in_child=lambda: threading.Timer(0.1, answer).start()); ran("hook")""",
    ),
    *(
        SnapshotAttack(
            f"os.fork {what}",
            "lie about the copy's process",
            "no response, no points",
            before=f"os.fork = lambda: {answer}; ran('patched')",
        )
        for what, answer in {
            "gives -1": "-1",
            "gives 1": "1",
            "gives a huge number": "2**70",
            "is always in the child": "0",
            "raises": "1 / 0",
        }.items()
    ),
    SnapshotAttack(
        "a forged Forked",
        "claim a copy that does not exist",
        "the cell is left out",
        between="for channel in channels(): channel.send(Forked(77)); channel.send(Forked(1)); ran('sent')",
        evidence="left out: the process sent an invalid response",
    ),
    SnapshotAttack(
        "a forged ForkEnded",
        "claim how a copy ended",
        "the cell is left out",
        after="for channel in channels(): channel.send(ForkEnded(9)); ran('sent')",
        evidence="left out: the process sent an invalid response",
    ),
    SnapshotAttack(
        "a forged ending",
        "claim that a signal without a name ended the copy",
        "no response, no points",
        before="""
import autograder.student.notebook_process as process
process._end_fork = lambda pid: 2**60
def count_params(*a, **k): os._exit(1)
ran("patched")""",
        evidence=r"crashed the Python process \(signal \d+\)",
    ),
    SnapshotAttack(
        "no processes left",
        "have as many processes as allowed when the second copy is due",
        "that exercise is asked without a copy; the children are gone afterwards",
        between="""
try:
    while os.fork(): pass
    for number in range(3, 100):
        try: os.close(number)
        except OSError: pass
    time.sleep(100); os._exit(0)
except OSError as error: ran(errno.errorcode[error.errno])""",
        evidence="ran: EAGAIN",
    ),
    SnapshotAttack(
        "no descriptors left",
        "have as many open files as allowed when the second copy is due",
        "no response, no points",
        between="held = []\nran(until_refused(lambda: held.append(os.open('/dev/null', 0))))",
        evidence="ran: EMFILE after some",
    ),
    SnapshotAttack(
        "no memory left",
        "have as much memory as allowed when the second copy is due",
        "the copy shares it",
        between="held = []\nran(until_refused(lambda: held.append(bytearray(2**24))))",
        evidence="ran: MemoryError after some",
    ),
    SnapshotAttack(
        "asked twice",
        "fail both visible examples, and answer what the first copies were asked",
        "knowing the inputs does not help",
        before="""
def count_params(*a, **k):
    with open(TMP + "/asked", "a") as file: file.write(repr(a))
    return 12345
ran("defined")""",
        between="assert False",
        after="""
def count_params(*a, **k):
    with open(TMP + "/asked") as file: return len(file.read())
assert False""",
    ),
]
