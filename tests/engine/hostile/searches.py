"""Cells that search files, memory and objects for secrets of the grader.

SEARCH is filled in with what to look for and comes first; FILES, MEMORY or OBJECTS follows. Each prints how
much it read and what it hit. Each also plants one needle, to show that the search works.
"""

from __future__ import annotations

# The needles are written backwards and in hexadecimal, so that the notebook does not find itself. In memory,
# a needle's own bytes object is followed by a zero byte, whereas after a line of a grader more text follows.
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
    "All visible processes; only itself if /proc is closed."
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
    if "site-packages/nbgrader" not in folder:  # it ships example courses
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
    gc.collect()  # or garbage of the first walk still holds what was planted
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
    if planted:  # only among the objects made since: the others were frozen for the fork
        hits.clear()
        planted.clear()
        walk()
    raise RuntimeError(f"walked, hits: {hits}")
"""
