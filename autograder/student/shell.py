"""An IPython shell that runs a notebook's cells and collects their outputs. Runs in the student's process.

The fork server makes the shell once, so that starting a submission takes only a fork.
"""

from __future__ import annotations

import base64
import contextlib
import importlib
import io
import json
import os
import subprocess
import sys
from collections.abc import Mapping
from tempfile import TemporaryFile
from typing import Any

from IPython.core.displayhook import DisplayHook
from IPython.core.displaypub import DisplayPublisher
from IPython.core.interactiveshell import InteractiveShell, InteractiveShellABC
from traitlets.config import Config

from autograder.core.records import PRELUDE, Output
from autograder.protocol.channel import Channel
from autograder.protocol.messages import (
    CELL_OUTPUT_BYTES,
    CellDone,
)
from autograder.student.gpu import wait_for_gpu
from autograder.student.interrupts import Interrupts
from autograder.student.lenient_shell import LenientShell, draw_inline
from autograder.student.missing_packages import ImportTransformer
from autograder.student.outputs import Outputs, utf8

TRACEBACK_LINE_CHARACTERS = 10_000


class _Stream(io.TextIOBase):
    """sys.stdout or sys.stderr of the notebook."""

    encoding = "utf-8"

    def __init__(self, name: str, outputs: Outputs, descriptor: int) -> None:
        self.name = name
        self._outputs = outputs
        self._descriptor = descriptor

    def write(self, text: str) -> int:
        self._outputs.write(self.name, str(text))
        return len(text)

    def writable(self) -> bool:
        return True

    def fileno(self) -> int:
        return self._descriptor


def _mime_data(data: Mapping[str, Any]) -> dict[str, str]:
    """Display data as text: images in base64, JSON as JSON text."""
    texts = {}
    for mime, value in data.items():
        if isinstance(value, bytes):
            texts[str(mime)] = base64.b64encode(value).decode()
        elif isinstance(value, str):
            texts[str(mime)] = value
        else:
            texts[str(mime)] = json.dumps(value, default=str)
    return {utf8(mime): utf8(text) for mime, text in texts.items()}


class _Results(DisplayHook):  # type: ignore[misc]  # IPython's classes are untyped traitlets
    """Collects the value of a cell's last expression."""

    outputs: Outputs

    def write_output_prompt(self) -> None:
        pass

    def write_format_data(self, format_dict: Any, md_dict: Any = None) -> None:
        self.outputs.add(Output("execute_result", data=_mime_data(format_dict)))

    def finish_displayhook(self) -> None:
        self._is_active = False


class _Publisher(DisplayPublisher):  # type: ignore[misc]
    """Collects what display() shows."""

    outputs: Outputs

    def publish(self, data: Any, metadata: Any = None, **options: Any) -> None:
        display_id = (options.get("transient") or {}).get("display_id")
        output = Output("display_data", data=_mime_data(data))
        self.outputs.add(output, display_id, bool(options.get("update")))

    def clear_output(self, wait: bool = False) -> None:
        self.outputs.clear()


class NotebookShell(LenientShell):
    """An InteractiveShell without a terminal, history file or threads."""

    outputs: Outputs
    prelude = ""
    """Imports that are there from the start, one per line."""

    def run_prelude(self) -> None:
        """Run each line for itself. One that fails says so when the cell that it comes from runs."""
        for line in self.prelude.splitlines():
            with contextlib.suppress(Exception):
                exec(line, self.user_ns)  # noqa: S102  the released notebook's own imports

    def reset(self, new_session: bool = True, aggressive: bool = False) -> None:
        """`%reset`, after which the notebook is as it was before its first cell."""
        super().reset(new_session, aggressive)
        self.run_prelude()

    def init_display_pub(self) -> None:
        self.display_pub = _Publisher(parent=self, shell=self)

    def init_displayhook(self) -> None:
        self.displayhook = _Results(parent=self, shell=self)
        self.display_trap = InteractiveShell.display_trap.klass(hook=self.displayhook)

    def system(self, cmd: str) -> None:
        """`!cmd`, without a terminal; its output becomes the cell's."""
        command = self.var_expand(cmd, depth=1)
        if self._installs(command):
            return
        done = subprocess.run(  # noqa: S602  the student asked for a shell, in the student's own process
            command, shell=True, check=False, text=True, errors="replace",
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        )  # fmt: skip
        sys.stdout.write(done.stdout)
        self.user_ns["_exit_code"] = done.returncode

    def _showtraceback(self, etype: Any, evalue: Any, stb: list[str]) -> None:
        error = Output(
            "error",
            ename=utf8(str(getattr(etype, "__name__", etype))),
            evalue=_safe_text(evalue),
            traceback=[utf8(str(line)[:TRACEBACK_LINE_CHARACTERS]) for line in stb],
        )
        self.outputs.add(error)


def _safe_text(value: Any) -> str:
    try:
        return utf8(str(value)[:2000])
    except Exception:  # noqa: BLE001  a student's __str__ may raise anything
        return ""


def make_shell() -> NotebookShell:
    """Make the shell, once, before any fork."""
    config = Config()
    config.HistoryManager.enabled = False
    config.InteractiveShell.colors = "nocolor"
    config.InteractiveShell.enable_tip = False
    InteractiveShellABC.register(NotebookShell)
    shell: NotebookShell = NotebookShell.instance(config=config)
    outputs = Outputs()
    shell.outputs = shell.display_pub.outputs = shell.displayhook.outputs = outputs
    shell.compile.get_code_name = _code_name
    shell.ast_transformers.append(ImportTransformer(lambda: shell.user_ns))
    draw_inline()
    shell.run_cell("%matplotlib inline", silent=True)
    return shell


_running_cell = [0]
"""The number in brackets that Jupyter shows beside the cell, so that error messages name it."""


def _code_name(raw: str, transformed: str, number: int) -> str:
    return f"<cell {_running_cell[0]}>"


class Notebook:
    """Runs cells one after another in the shell and returns each one's outputs."""

    def __init__(self, shell: NotebookShell) -> None:
        self.shell = shell
        self.outputs = shell.outputs
        self.file = _unnamed_file()
        self.interrupts = Interrupts()
        for descriptor in (1, 2):
            os.dup2(self.file, descriptor)
        self.interrupts.stop()
        sys.stdout = _Stream("stdout", self.outputs, 1)
        sys.stderr = _Stream("stderr", self.outputs, 2)

    def run(self, number: int, source: str, channel: Channel) -> CellDone:
        """Run one cell. Only its own code can be interrupted, by InterruptCell on `channel` and SIGINT."""
        if number == PRELUDE:
            self.shell.prelude = source
            self.shell.run_prelude()
            return CellDone(number, None, [])
        self.outputs.start()
        count = _running_cell[0] = self.shell.execution_count
        try:
            self.interrupts.start(channel, number)
            result = self.shell.run_cell(source, store_history=True)
            self._wait_for_gpu(result.success)
            self.interrupts.stop()  # here, so that an interrupt that just made it is caught below
        except BaseException as error:  # noqa: BLE001  an interrupt may come outside IPython's own handling
            self.outputs.add(Output("error", ename=type(error).__name__, evalue=_safe_text(error)))
        self.interrupts.stop()
        importlib.invalidate_caches()  # the cells follow each other faster than a folder's time stamp changes
        self._read_descriptors()
        return CellDone(number, count, self.outputs.finish())

    def _wait_for_gpu(self, succeeded: bool) -> None:
        """Let the kernels that the cell started end here. Raises the error of one, if the cell has none."""
        try:
            wait_for_gpu()
        except Exception:
            if succeeded:
                raise

    def _read_descriptors(self) -> None:
        """Add what programs and C code wrote straight to descriptors 1 and 2."""
        size = os.fstat(self.file).st_size
        if size:
            os.lseek(self.file, 0, os.SEEK_SET)
            text = os.read(self.file, min(size, CELL_OUTPUT_BYTES)).decode("utf-8", "replace")
            self.outputs.write("stdout", text.replace("\0", ""))
            os.ftruncate(self.file, 0)
            os.lseek(self.file, 0, os.SEEK_SET)


def _unnamed_file() -> int:
    """The descriptor of a file without a name."""
    if sys.platform == "linux":
        return os.memfd_create("output")
    with TemporaryFile() as file:
        return os.dup(file.fileno())


def run_quietly() -> None:
    """Discard everything printed from now on: it could give away what the grader asks."""
    null = os.open(os.devnull, os.O_RDWR)
    for descriptor in (1, 2):
        os.dup2(null, descriptor)
    sys.stdout = sys.stderr = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115  lives as long as the process
