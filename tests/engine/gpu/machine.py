"""What this machine has: Python, PyTorch and a card it can use, the packages that are missing.

Standard library only, in words that an old Python can read: it has to be able to say that it is too old.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Sequence  # noqa: UP035  an old Python reads this too

ROOT = Path(__file__).resolve().parents[3]
OLDEST = (3, 11)
CARD_SECONDS = 60.0
CARD_FILE = "card.json"
"""In the folder of a run: what find_card found."""
ENGINE = (
    "torch", "torchvision", "numpy", "matplotlib", "matplotlib_inline", "IPython", "traitlets", "nbformat",
    "jinja2", "msgspec", "typer", "rich", "psutil", "pytest", "tqdm", "dateutil", "pynvml",
)  # fmt: skip
"""The modules that `autograder run` and `autograder check` import, in any of their processes."""
PACKAGES = {
    "pynvml": "nvidia-ml-py", "IPython": "ipython", "matplotlib_inline": "matplotlib-inline",
    "dateutil": "python-dateutil",
}  # fmt: skip
"""What to install, where the package is not called like its module."""

# The real test: a number that was on the card. A driver that can be asked is no proof that one can compute.
PROBE = """
import json, torch
torch.ones(1, device="cuda").item()
properties = torch.cuda.get_device_properties(0)
free, total = torch.cuda.mem_get_info(0)
try:
    import pynvml
    pynvml.nvmlInit()
    driver = pynvml.nvmlSystemGetDriverVersion()
    driver = driver.decode() if isinstance(driver, bytes) else driver
except Exception as error:
    driver = ""
print(json.dumps({
    "name": properties.name, "total": total, "free": free, "driver": driver,
    "torch": torch.__version__, "cuda": str(torch.version.cuda), "uuid": str(getattr(properties, "uuid", "")),
}))
"""
MISSING = """
import importlib.util, json, sys
print(json.dumps([name for name in sys.argv[1:] if importlib.util.find_spec(name) is None]))
"""


class NoMachine(Exception):
    """Nothing can be measured here: one sentence that says why, and what to do."""


def refuse_old_python(version: tuple[int, ...] = tuple(sys.version_info)) -> None:
    """Raise NoMachine if this Python cannot run the package."""
    if version[:2] < OLDEST:
        found = ".".join(str(number) for number in version[:3])
        raise NoMachine(
            f"Python 3.11 or newer is needed and {sys.executable} is {found}: name another one, for example"
            " make gpu GPU_PYTHON=python3.12"
        )


def find_card(probe: str = PROBE, seconds: float = CARD_SECONDS) -> dict[str, object]:
    """The card's name, memory (bytes) and uuid; the versions of its driver, CUDA and PyTorch.

    Raises NoMachine if PyTorch is missing or can use no card.
    """
    line = [sys.executable, "-c", probe]
    try:
        done = subprocess.run(line, cwd=ROOT, capture_output=True, text=True, timeout=seconds, check=False)
    except subprocess.TimeoutExpired:
        raise NoMachine(
            f"no GPU can be used: PyTorch did not answer within {seconds:.0f} s, so look at nvidia-smi"
        ) from None
    if done.returncode == 0:
        found: dict[str, object] = json.loads(done.stdout.splitlines()[-1])
        return found
    reason = last_line(done.stderr) or f"exit code {done.returncode}"
    if "No module named 'torch'" in reason:
        raise NoMachine(
            f"{sys.executable} has no PyTorch: name a Python that has it, for example make gpu"
            " GPU_PYTHON=/path/to/python3"
        )
    raise NoMachine(f"no GPU can be used here ({reason}): run make gpu on a machine that has one")


def missing(modules: Sequence[str]) -> list[str]:
    """Which of these modules this Python does not find in its own folders.

    PYTHONPATH does not count: the student's process sees the interpreter's own packages and nothing else.
    """
    line = [sys.executable, "-I", "-c", MISSING, *modules]
    done = subprocess.run(line, capture_output=True, text=True, timeout=60, check=True)
    found: list[str] = json.loads(done.stdout)
    return found


def to_install(modules: Sequence[str]) -> str:
    """The names of the packages that hold these modules, for a sentence or for pip."""
    return " ".join(PACKAGES.get(name, name) for name in modules)


def environment() -> dict[str, str]:
    """The environment of what is started here: the package comes from this source tree, installed or not."""
    paths = [str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])]
    return {**os.environ, "PYTHONPATH": os.pathsep.join(paths), "PYTHONUNBUFFERED": "1"}


def last_line(text: str) -> str:
    """The last line with anything in it, where programs say what went wrong."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return lines[-1] if lines else ""
