"""What every converter of nbgrader should do: keep the old files until the new ones are complete."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from nbgrader.converters.base import BaseConverter  # nbgrader has no types
else:
    BaseConverter = object


class KeepsOldFiles(BaseConverter):  # type: ignore[misc]
    """A mixin: each student's files are replaced once all new ones are written, and only those.

    nbgrader deletes a student's folder first, so that an error, a full disk or Ctrl-C leaves nothing.
    """

    output = ""
    """The setting of CourseDirectory that names the folder the converter writes to."""
    folder = ""
    """Its value; while converting, the setting itself is a temporary folder."""

    def convert_notebooks(self) -> None:
        course = self.coursedir
        self.folder = getattr(course, self.output)
        Path(course.root, ".autograder").mkdir(mode=0o700, exist_ok=True)
        with TemporaryDirectory(prefix="nbgrader-", dir=Path(course.root, ".autograder")) as temporary:
            setattr(course, self.output, os.path.relpath(temporary, course.root))
            try:
                super().convert_notebooks()
            finally:
                setattr(course, self.output, self.folder)

    def kept(self, assignment: str, student: str) -> Path:
        """The folder with the student's files from before."""
        return Path(self.coursedir.format_path(self.folder, student, assignment))

    def init_destination(self, assignment_id: str, student_id: str) -> bool:
        """Whether to convert the student's notebooks: the files are missing, of another time, or forced."""
        if not super().init_destination(assignment_id, student_id):
            return False
        kept = self.kept(assignment_id, student_id)
        expected = [kept]
        if self.coursedir.notebook_id != "*":
            expected += [kept / (Path(x).stem + self.exporter.file_extension) for x in self.notebooks]
        if self.force or not all(path.exists() for path in expected):
            return True
        read: Callable[[str], Any] = self.coursedir.get_existing_timestamp
        time = read(self._format_source(assignment_id, student_id))
        if time is not None and time != read(str(kept)):
            return True
        self.log.info("Skipping existing assignment: %s", kept)
        return False

    def set_permissions(self, assignment_id: str, student_id: str) -> None:
        """The last step for a student."""
        super().set_permissions(assignment_id, student_id)
        new = Path(self._format_dest(assignment_id, student_id))
        kept = self.kept(assignment_id, student_id)
        for path in sorted(path for path in new.rglob("*") if path.is_file()):
            replace_file(path, kept / path.relative_to(new))
            if self.coursedir.groupshared:
                shutil.copymode(path.parent, kept / path.parent.relative_to(new))


def replace_file(source: Path, target: Path) -> None:
    """Copy a file with its permissions. `target` is the old file or the new one, never half of it."""
    target.parent.mkdir(parents=True, exist_ok=True)
    temporary = target.with_name(f".{target.name}.{os.getpid()}")
    try:
        shutil.copy(source, temporary)
        temporary.replace(target)
    finally:
        temporary.unlink(missing_ok=True)
