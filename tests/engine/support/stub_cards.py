"""Stand-ins for a GPU: a probe that says what a test wants, and a torch that card_probe.py can import."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping
from pathlib import Path

import pytest

from autograder.core.limits import MIB
from autograder.workers import card as cards
from autograder.workers.card import Found

GIB = 1024 * MIB
NO_DRIVER = "RuntimeError: Found no NVIDIA driver on your system. Please check that you have an NVIDIA GPU."
GOOD = Found(
    torch="2.14.1", cuda="13.0", name="Stub 8", total_bytes=8 * GIB, free_bytes=7 * GIB, driver="580.1"
)
MISSING = Found(torch="2.14.1", cuda="13.0", error=NO_DRIVER)


class StubProbe:
    """Answers in place of card_probe.py, and counts how often it was asked."""

    def __init__(self, found: Found) -> None:
        self.found = found
        self.asked: list[dict[str, str]] = []

    def __call__(self, environment: Mapping[str, str]) -> Found:
        self.asked.append(dict(environment))
        return self.found


def put_in(monkeypatch: pytest.MonkeyPatch, found: Found) -> StubProbe:
    """Have every command of this test find this card, or none."""
    probe = StubProbe(found)
    monkeypatch.setattr(cards, "run_probe", probe)
    monkeypatch.setattr(cards, "refuse_closed", lambda: None)  # this machine may have no device nodes
    return probe


STUB_TORCH = """
import os, sys
KIND = os.environ["STUB_CARD"]
__version__ = "2.14.1+stub"

class version:
    cuda = None if KIND in ("cpu build", "rocm") else "13.0"
    hip = "6.4" if KIND == "rocm" else None

class Two:
    def __add__(self, other): return self
    def item(self): return 3 if KIND == "wrong" else 2

def ones(count, device):
    assert (count, device) == (1, "cuda")
    hidden = os.environ.get("CUDA_VISIBLE_DEVICES")
    if KIND in ("cpu build", "rocm"):
        raise AssertionError("Torch not compiled with CUDA enabled")
    if KIND == "no driver":
        raise RuntimeError("Found no NVIDIA driver on your system. Please check that you have an NVIDIA GPU")
    if KIND == "too old":
        raise RuntimeError("The NVIDIA driver on your system is too old (found version 11040). Please update")
    if KIND == "no card" or hidden in ("", "-1", "7"):
        raise RuntimeError("No CUDA GPUs are available")
    if KIND == "old card":
        raise RuntimeError("CUDA error: no kernel image is available for execution on the device\\nSearch for")
    if KIND == "full":
        raise RuntimeError("CUDA out of memory. Tried to allocate 2.00 MiB.")
    if KIND == "strange":
        raise RuntimeError("CUDA error: unknown error.\\nmore lines")
    if KIND == "crash":
        os.kill(os.getpid(), 11)
    if KIND == "exclusive":
        try:
            os.close(os.open(os.environ["STUB_TAKEN"], os.O_CREAT | os.O_EXCL))
        except FileExistsError:
            raise RuntimeError("CUDA-capable device(s) is/are busy or unavailable\\nmore") from None
    return Two()

class cuda:
    mem_get_info = staticmethod(lambda: (7 << 30, 8 << 30))
    get_device_name = staticmethod(lambda: "Stub 8")
"""


def install_stub_torch(folder: Path, monkeypatch: pytest.MonkeyPatch, kind: str) -> None:
    """Have card_probe.py, in a process of its own, import a torch that behaves as on such a machine."""
    (folder / "torch.py").write_text(textwrap.dedent(STUB_TORCH))
    monkeypatch.setenv("PYTHONPATH", str(folder))
    monkeypatch.setenv("STUB_CARD", kind)
    monkeypatch.setenv("STUB_TAKEN", str(folder / "taken"))
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    monkeypatch.setattr(cards, "refuse_closed", lambda: None)
