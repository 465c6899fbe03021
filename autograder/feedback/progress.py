"""Progress on stderr: a bar in a terminal, an occasional line elsewhere."""

from __future__ import annotations

import sys
import time
from types import TracebackType

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn
from rich.progress import Progress as Bar

REPORT_SECONDS = 10.0


class Progress:
    """Counts notebooks as they are graded."""

    def __init__(self, total: int) -> None:
        self.total = total
        self.done = 0
        self._reported = time.monotonic()
        columns = (TextColumn("grading"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(),
                   TextColumn("{task.description}"))  # fmt: skip
        self._bar = Bar(*columns, console=Console(stderr=True)) if sys.stderr.isatty() else None
        self._task = self._bar.add_task("", total=total) if self._bar else None

    def say(self, text: str) -> None:
        """Print a line without disturbing the bar."""
        if self._bar is not None:
            self._bar.console.print(text)
        else:
            print(text, file=sys.stderr)

    def step(self, name: str) -> None:
        """Count one more as done; the bar shows `name` beside it."""
        self.done += 1
        if self._bar is not None and self._task is not None:
            self._bar.update(self._task, advance=1, description=name)
        elif self.done == self.total or time.monotonic() - self._reported > REPORT_SECONDS:
            self._reported = time.monotonic()
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
