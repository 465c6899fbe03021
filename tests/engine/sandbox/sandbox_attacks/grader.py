"""A stand-in for the grader, outside the sandbox: launches the fork server and asks for each attack."""

from __future__ import annotations

import dataclasses
import json
import os
import socket
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

from sandbox_attacks.calls import libc
from sandbox_attacks.fork_server import ATTACKS, GPU_ATTACKS
from sandbox_attacks.gpu import stand_in
from sandbox_attacks.usage import leave_daemon

import autograder.sandbox.launch as launching
from autograder.sandbox.capabilities import Capabilities
from autograder.sandbox.kill_tree import descendants
from autograder.sandbox.launch import launch, probe
from autograder.sandbox.view import system_paths

ATTACKS_FOLDER = Path(__file__).resolve().parent
PACKAGE = ATTACKS_FOLDER.parent / "autograder"


def capabilities_of(kind: str) -> Capabilities:
    """A kind that ends with ", gpu" has the same walls."""
    if kind.endswith(", gpu"):
        return capabilities_of(kind.removesuffix(", gpu")).for_gpu()
    capabilities = probe()
    if kind == "no-filter":
        return dataclasses.replace(capabilities, filter=False)
    if kind == "fallback, no-filter":
        return dataclasses.replace(capabilities, filter=False).without_namespaces()
    if kind == "outer-proc":
        return dataclasses.replace(capabilities, proc=False)
    if kind == "no-landlock":
        return dataclasses.replace(capabilities, landlock=0)
    return capabilities if kind == "namespaces" else capabilities.without_namespaces()


def launched(capabilities: Capabilities, descriptor: int, gpu: bool = False) -> subprocess.Popen[bytes]:
    """Launch from a thread that ends at once: the sandbox must not end with it."""
    started = []
    argv = [sys.executable, "-I", str(ATTACKS_FOLDER), "serve", str(descriptor)]
    readable = [*system_paths(), ATTACKS_FOLDER, PACKAGE]
    env = {"PATH": "/usr/bin:/bin"}

    def work() -> None:
        fds = [descriptor]
        started.append(
            launch(
                argv,
                capabilities=capabilities,
                readable=readable,
                pass_fds=fds,
                env=env,
                stderr=sys.stderr,
                gpu=gpu,
            )  # fmt: skip
        )

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    return started[0]


def start(kind: str, folder: str, gpu_folder: str = "") -> dict[str, Any]:
    """Try every attack once in a sandbox of this kind."""
    capabilities = capabilities_of(kind)
    grader_end, server_end = socket.socketpair()
    listening, abstract = socket.create_server(("127.0.0.1", 0)), socket.socket(socket.AF_UNIX)
    name = f"sandbox-{os.getpid()}"
    abstract.bind("\0" + name)
    abstract.listen()
    victim = subprocess.Popen(["/bin/sleep", "60"])
    gpu = kind.endswith(", gpu")
    if gpu:
        launching.find_gpu = lambda **_: stand_in(gpu_folder)
    process = launched(capabilities, server_end.fileno(), gpu)
    server_end.close()
    channel = grader_end.makefile("rw")
    facts: dict[str, Any] = {
        "folder": folder, "gpu": gpu_folder, "port": listening.getsockname()[1], "abstract": name,
        "mount": capabilities.mount, "filter": capabilities.filter, "shown": str(PACKAGE),
        "victims": {"grader": os.getpid(), "victim": victim.pid, "supervisor": process.pid},
        "capable": capabilities.root or capabilities.user,
    }  # fmt: skip
    found: dict[str, Any] = {"capabilities": capabilities.record(), "sentence": capabilities.sentence}
    for number, action in enumerate([*ATTACKS, *(GPU_ATTACKS if gpu else [])]):
        with tempfile.TemporaryDirectory() as writable:
            channel.write(json.dumps(facts | {"attack": number, "writable": writable}) + "\n")
            channel.flush()
            line = channel.readline()
            answer = json.loads(line) if line else {"error": "the fork server died"}
            found[action.__name__] = answer
    found["victim lives"] = victim.poll() is None
    victim.kill()
    found["death"] = death(process, channel, grader_end, facts)
    return found


def death(process: subprocess.Popen[bytes], channel: Any, raw: socket.socket, facts: Any) -> dict[str, Any]:
    """Kill the supervisor while a daemon runs inside: how many processes were below us, and how many are left."""
    hold = {"attack": ATTACKS.index(leave_daemon), "hold": True}
    with tempfile.TemporaryDirectory() as writable:
        channel.write(json.dumps(facts | hold | {"writable": writable}) + "\n")
        channel.flush()
        channel.readline()
        libc.prctl(36, 1, 0, 0, 0)  # become a subreaper, so that we see orphans
        below = len(descendants())
        process.kill()
        until = time.monotonic() + 3
        while any(state != "Z" for state in descendants().values()) and time.monotonic() < until:
            time.sleep(0.02)
    alive = sum(state != "Z" for state in descendants().values())
    raw.settimeout(1)
    return {"below": below, "alive": alive, "eof": raw.recv(1) == b""}


def hold(kind: str) -> None:
    """Launch, ask for nothing, print the pids, and wait to be killed."""
    grader_end, server_end = socket.socketpair()
    launched(capabilities_of(kind), server_end.fileno())
    print(json.dumps(sorted(descendants())), flush=True)
    grader_end.recv(1)
