"""A stand-in for the fork server: forks a child for each attack, and kills what the attack leaves."""

from __future__ import annotations

import json
import os
import socket
import time
import traceback
from pathlib import Path
from typing import Any

from sandbox_attacks import gpu, reach, usage
from sandbox_attacks.calls import MIB, error_of

from autograder.core.limits import Limits
from autograder.sandbox.capabilities import Capabilities
from autograder.sandbox.enter import enter, inherited
from autograder.sandbox.kill_tree import descendants, kill_tree

LIMITS = Limits(
    memory_bytes=256 * MIB, cpu_seconds=20, processes=30, open_files=200,
    file_bytes=4 * MIB, tmp_bytes=8 * MIB, tmp_files=150,
)  # fmt: skip
SLOT = 3
ATTACKS = [
    usage.ordinary_work, reach.read_outside, reach.list_root, reach.see_processes, reach.kill_others,
    reach.change_others, reach.connect, reach.write_outside, reach.filtered_calls, usage.fill_bytes,
    usage.big_file, usage.fill_inodes, usage.fork_many, usage.take_memory, reach.regain, reach.as_new_root,
    usage.leave_daemon, usage.leave_files,
]  # fmt: skip

GPU_ATTACKS = [
    gpu.use_nodes, gpu.name_threads, gpu.read_driver, gpu.write_proc, gpu.change_nodes, gpu.reserve_addresses,
    gpu.reach_pipes, gpu.leave_caches, gpu.leave_caches,
]  # fmt: skip
"""Those that need a GPU's stand-in; `ATTACKS` come first."""


def serve(descriptor: int) -> None:
    """For each request: fork, enter the sandbox, attack, kill the tree, answer."""
    channel = socket.socket(fileno=descriptor).makefile("rw")
    launched = inherited()
    assert launched is not None
    capabilities, _ = launched
    for line in channel:
        facts = json.loads(line)
        reading, writing = os.pipe()
        forked = time.perf_counter()
        pid = os.fork()
        if pid == 0:
            os.close(reading)
            os.write(writing, json.dumps(attack(capabilities, facts)).encode())
            os._exit(0)
        os.close(writing)
        answer = json.loads(os.read(reading, 100_000) or b'{"error": "died"}')
        if not facts.get("hold"):
            begun = time.perf_counter()
            reaped = kill_tree()
            answer |= {"kill_ms": 1e3 * (time.perf_counter() - begun), "reaped": len(reaped)}
            answer |= {"fork_ms": 1e3 * (begun - forked), "left": left()}
        os.close(reading)
        channel.write(json.dumps(answer) + "\n")
        channel.flush()


def attack(capabilities: Capabilities, facts: Any) -> dict[str, Any]:
    begun = time.perf_counter()
    try:
        writable = Path(facts["writable"]) if not capabilities.mount else None
        enter(LIMITS, capabilities, slot=SLOT, writable=writable)
        spent = 1e3 * (time.perf_counter() - begun)
        result = [*ATTACKS, *GPU_ATTACKS][facts["attack"]](facts)
        return {"result": result, "enter_ms": spent}
    except (Exception, KeyboardInterrupt):  # noqa: BLE001  # whatever ends an attack is reported
        return {"error": traceback.format_exc()}


def left() -> list[int]:
    """Processes below the fork server once the tree has been killed."""
    if os.getpid() == 1:
        return [] if error_of(lambda: os.kill(-1, 0)) == "ESRCH" else [-1]
    return sorted(descendants())
