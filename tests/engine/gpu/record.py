"""What a part of `make gpu` leaves behind: its figures, and what went wrong. On disk at once, so that a part
that is killed for its time keeps what it had measured until then."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass, field
from pathlib import Path


@dataclass
class Record:
    """The figures and problems of one part, kept in a file."""

    file: Path
    figures: list[tuple[str, str]] = field(default_factory=list)
    """What was measured, and the value, for people."""
    problems: list[str] = field(default_factory=list)

    def figure(self, what: str, value: str) -> None:
        self.figures.append((what, value))
        self._save()

    def problem(self, sentence: str) -> None:
        self.problems.append(sentence)
        self._save()

    @property
    def code(self) -> int:
        """The part's exit code."""
        return 1 if self.problems else 0

    def _save(self) -> None:
        fresh = self.file.with_suffix(".new")
        fresh.write_text(json.dumps([self.figures, self.problems]), encoding="utf-8")
        os.replace(fresh, self.file)


def read_record(file: Path) -> Record:
    """What a part has left in its file; nothing if it left none."""
    if not file.exists():
        return Record(file)
    figures, problems = json.loads(file.read_text(encoding="utf-8"))
    return Record(file, [(what, value) for what, value in figures], problems)
