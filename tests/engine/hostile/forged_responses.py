"""Cells that write messages to the grader themselves, or change those that are sent.

FORGED holds forged values, as encoded in a message; the values named in MALFORMED cannot be decoded. In
FORGED_IN_A_REQUEST, `{value}` stands for one of them.
"""

from __future__ import annotations

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
    "probe": "MappingValue([('module', True), ('type', 'ReLU'), ('value', True), ('limit', True)])",
    "errors": "SequenceValue('list', ['ValueError'] * 6)",
    "reference": "RefValue(0, 'Tensor')",
    "set": "SequenceValue('set', [SequenceValue('list', [])])",
    "shape": "TensorValue('float32', [0, 2**40, 2**40], b'', False)",
    "array": "ArrayValue('<f8', [2**62, 4], b'', False)",
    "device": "ScalarValue('device', b'cuda:99999999999999999999')",
    "int": "ScalarValue('int', b'\\x7f' * 4000)",
}
MALFORMED = ("set", "shape", "array", "device")
FORGED_IN_A_REQUEST = FORGE + "def f(*a, **k):\n    write(forged({value}))\n    time.sleep(0.2)\n"
FORGED_FROM_A_THREAD = FORGE + (
    "def work():\n"
    "    while True:\n        write(forged(13))\n        time.sleep(0.01)\n"
    "threading.Thread(target=work, daemon=True).start()\n"
    "def f(*a, **k): return 12345\n"
)
FORGED_IN_A_CELL = FORGE + (
    "write(frame(Forked(1)) + forged(13))\n"
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
BYTE_BY_BYTE = FORGE + (
    "def f(*a, **k):\n"
    "    for byte in struct.pack('<I', 1000) + b'x' * 1000:\n"
    "        write(bytes([byte]))\n        time.sleep(0.05)\n"
)
STOLEN_REQUESTS = (
    FORGE
    + """
import autograder.protocol.channel, autograder.protocol.answerer as answers
asked = []
def answer(self, request):
    asked.append(repr(request)[:300])
    print("REQUEST", request)
    open(os.environ["TMPDIR"] + "/stolen", "a").write(repr(request))
    return ValueResponse(request.id, 13, [])
answers.Answerer.answer = answer
def f(*a, **k): return 12345
"""
)
PATCHED_CHANNEL = """
import autograder.protocol.channel, autograder.protocol.answerer as answers
from autograder.protocol.messages import ValueResponse
answers.encode_value = lambda value, *a: True
answers.Answerer._changed_arguments = lambda *a: []
autograder.protocol.channel.Channel.send = (lambda old: lambda self, message, *a: old(self,
    ValueResponse(message.id, 13, []) if isinstance(message, ValueResponse) else message, *a)
)(autograder.protocol.channel.Channel.send)
def f(*a, **k): return 12345
"""
