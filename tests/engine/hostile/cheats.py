"""Cells of students who would rather break the grader than solve the exercises.

Searches for secrets are in searches.py, forged responses in forged_responses.py. BIND comes last: it binds
every name of EXERCISES that a notebook does not define to the notebook's `f`.
"""

from __future__ import annotations

EXERCISES = ("claims", "gradient_flow", "choose_activation", "count_params", "collapse_linear")
BIND = """
for _name in ("CLAIMS", "gradient_flow", "choose_activation", "count_params", "collapse_linear"):
    globals().setdefault(_name, f)
"""

PATCHED_LIBRARIES = """
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
SIGNALS = """
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
FORK_BOMB = """
import os, threading, time
def f(*a, **k):
    while True:
        try:
            if os.fork() == 0:
                while True: os.fork()
        except OSError: time.sleep(0.01)
"""
EXHAUSTED_STORAGE = """
import os, time
def fill(folder):
    for number in range(8):  # more than the quota, if there is one
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
