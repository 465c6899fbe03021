"""Try the GPU, and print what was found as one line of JSON.

A program of its own, started by its path: CUDA is then initialized in no process that lives on.
"""

from __future__ import annotations

import json
import os
import re
import signal
import sys
from pathlib import Path
from typing import Any

import torch

SECOND_SECONDS = 60
DRIVER = Path("/proc/driver/nvidia/version")


def look() -> dict[str, Any]:
    """What PyTorch says of itself and of the first GPU that it sees, or the error that it raises."""
    found: dict[str, Any] = {
        "torch": str(torch.__version__), "cuda": torch.version.cuda or "", "rocm": torch.version.hip or "",
    }  # fmt: skip
    second = _SecondProcess()
    error = _try()
    if error:
        return found | {"error": error}
    error = second.try_it()
    if error:
        return found | {"error": error, "shared": False}
    free, total = torch.cuda.mem_get_info()  # with this program's own context, which is not counted as free
    name = torch.cuda.get_device_name()
    return found | {"name": name, "total_bytes": total, "free_bytes": free, "driver": _driver()}


def _try() -> str:
    """Make a tensor, run a kernel, read the answer. Returns the error, or nothing."""
    try:
        one = torch.ones(1, device="cuda")
        return "" if (one + one).item() == 2 else "the card adds 1 and 1 wrongly"
    except Exception as error:  # noqa: BLE001  whatever it is, it is the answer
        return f"{type(error).__name__}: {error}"


class _SecondProcess:
    """A fork from before the first CUDA call: workers and students' processes share the card, too.

    A card in the compute mode "exclusive process" has room for one of them.
    """

    def __init__(self) -> None:
        if not hasattr(os, "fork"):
            return
        go, self._go = os.pipe()
        self._answer, answer = os.pipe()
        if os.fork() == 0:
            signal.alarm(SECOND_SECONDS)  # it must not outlive a driver that never answers
            os.close(self._go)
            if os.read(go, 1):
                os.write(answer, _try().encode("utf-8", "replace"))
            os._exit(0)
        os.close(go)
        os.close(answer)

    def try_it(self) -> str:
        """Have it try the card while this process holds it. Returns the error, or nothing."""
        if not hasattr(os, "fork"):
            return ""
        os.write(self._go, b"x")
        with open(self._answer, encoding="utf-8", errors="replace") as answer:
            said = answer.read()
        _, status = os.wait()
        return said or ("a second process on the card ended without an answer" if status else "")


def _driver() -> str:
    """The driver's version, or nothing where neither NVML nor the kernel says it."""
    try:
        import pynvml
    except ImportError:
        said = DRIVER.read_text(encoding="utf-8", errors="replace") if DRIVER.exists() else ""
        found = re.search(r"\b(\d{3,}\.\d+(?:\.\d+)*)\b", said)
        return found.group(1) if found else ""
    try:
        pynvml.nvmlInit()
        return str(pynvml.nvmlSystemGetDriverVersion())
    except pynvml.NVMLError:
        return ""


if __name__ == "__main__":
    print(json.dumps(look()))
    sys.stdout.flush()
    os._exit(0)  # without CUDA's clean-up, which may take seconds
