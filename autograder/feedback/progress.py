"""Progress on stderr: a bar in a terminal, a line now and then elsewhere."""

from __future__ import annotations

import sys
import time
from types import TracebackType

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn
from rich.progress import Progress as Bar

QUIET_SECONDS = 10.0


class Progress:
    """Counts notebooks as they are done."""

    def __init__(self, total: int) -> None:
        self.total = total
        self.done = 0
        self._said = time.monotonic()
        columns = (TextColumn("grading"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(),
                   TextColumn("{task.description}"))  # fmt: skip
        self._bar = Bar(*columns, console=Console(stderr=True)) if sys.stderr.isatty() else None
        self._task = self._bar.add_task("", total=total) if self._bar else None

    def say(self, text: str) -> None:
        if self._bar is not None:
            self._bar.console.print(text)
        else:
            print(text, file=sys.stderr)

    def step(self, name: str) -> None:
        self.done += 1
        if self._bar is not None and self._task is not None:
            self._bar.update(self._task, advance=1, description=name)
        elif self.done == self.total or time.monotonic() - self._said > QUIET_SECONDS:
            self._said = time.monotonic()
            print(f"graded {self.done} of {self.total}", file=sys.stderr)

    def __enter__(self) -> Progress:
        if self._bar is not None:
            self._bar.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._bar is not None:
            self._bar.stop()
