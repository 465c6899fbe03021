"""Put new files in the place of old ones: all of them, or none."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple


class Move(NamedTuple):
    """A file of the course, and the new file for its place; None removes the old one."""

    place: Path
    new: Path | None


@contextmanager
def moved_in(moves: Sequence[Move], backup: Path) -> Iterator[None]:
    """Make all moves, then run the body. If a move or the body fails, everything is as it was before.

    `backup` is a folder to create for the old files, on the same file system.
    """
    backup.mkdir()
    replaced: list[tuple[Path, Path]] = []
    folders: list[Path] = []
    try:
        for number, (place, new) in enumerate(moves):
            folders += _make_parents(place)
            old = backup / str(number)
            if place.exists():
                shutil.copy2(place, old)
            replaced.append((place, old))
            if new is None:
                place.unlink()
            else:
                new.replace(place)
        yield
    except BaseException:
        for place, old in reversed(replaced):
            if old.exists():
                old.replace(place)
            else:
                place.unlink(missing_ok=True)
        for folder in reversed(folders):
            folder.rmdir()
        raise


def _make_parents(place: Path) -> list[Path]:
    """Make the folders above `place`; return those that were missing, outermost first."""
    missing = [folder for folder in place.parents if not folder.exists()]
    place.parent.mkdir(parents=True, exist_ok=True)
    return missing[::-1]
