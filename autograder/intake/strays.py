"""Submitted files that no command grades, because they are not where submissions belong."""

from __future__ import annotations

from autograder.core.cells import savable
from autograder.core.suggestions import did_you_mean
from autograder.course.course import Course, assignments


def stray_submissions(course: Course) -> list[str]:
    """One sentence for each folder or notebook in submitted/ that belongs to no assignment of the course."""
    root = course.root / "submitted"
    known = assignments(course.root)
    sentences = []
    for student in sorted(path for path in root.glob("*") if not path.name.startswith(".")):
        if student.suffix.lower() == ".ipynb" and student.is_file():
            sentences.append(_misplaced(f"submitted/{student.name}", course))
        if not student.is_dir():
            continue
        for path in sorted(student.iterdir()):
            shown = f"submitted/{student.name}/{path.name}"
            if path.suffix.lower() == ".ipynb" and path.is_file():
                sentences.append(_misplaced(shown, course))
            elif path.is_dir() and path.name not in known and any(path.rglob("*.ipynb")):
                meant = did_you_mean(path.name, known)
                sentences.append(f"{shown} is not graded: no assignment is called {path.name}: {meant}")
    return [savable(sentence) for sentence in sentences]


def _misplaced(shown: str, course: Course) -> str:
    return f"{shown} is not graded: put it into submitted/<student>/{course.assignment}/."
