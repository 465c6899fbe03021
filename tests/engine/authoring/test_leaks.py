"""A line of a reference solution or hidden grader is found anywhere in a release."""

from __future__ import annotations

import base64
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from autograder.authoring.leaks import find_leaks, grader_lines, solution_lines
from autograder.authoring.release import check_release, make_release
from autograder.core.errors import ReleaseError
from tests.engine.support.small_course import (
    ASSIGNMENT,
    BEGIN,
    END,
    NOTEBOOK,
    RELEASED,
    cell_of,
    load,
    save,
    write_course,
)

SECRET = "return Fraction(y1 - y0, run) if run else math.inf"
GRADER = "points = [draw.integer(1, 9) for _ in range(4)]"


def released(tmp_path: Path, change: Callable[[dict[str, Any]], Any]) -> Path:
    """A course with a release that was edited by hand."""
    root = write_course(tmp_path / "course")
    content = load(root / NOTEBOOK)
    for cell in content["cells"]:
        if cell["metadata"].get("nbgrader", {}).get("solution"):
            cell["source"] = "# nothing here"
    change(content)
    (root / RELEASED).parent.mkdir(parents=True)
    save(root / RELEASED, content)
    return root


def output(text: str) -> list[dict[str, Any]]:
    return [{"output_type": "stream", "name": "stdout", "text": ["first\n", text]}]


def attached(text: str) -> dict[str, Any]:
    return {"a.txt": {"text/plain": base64.b64encode(text.encode()).decode()}}


PLACES: dict[str, tuple[Callable[[dict[str, Any]], Any], str]] = {
    "code": (lambda n: cell_of(n, "imports").update(source=f"x = 1\n    {SECRET}"), "imports"),
    "spaces": (
        lambda n: cell_of(n, "slope").update(
            source="return  Fraction( y1-y0,run ) if run\\\n  else math.inf # so"
        ),
        "slope",
    ),
    "comment": (lambda n: cell_of(n, "slope").update(source=f"# {SECRET}"), "slope"),
    "lines": (lambda n: cell_of(n, "slope").update(source=["x\n", SECRET]), "slope"),
    "prose": (lambda n: cell_of(n, "intro").update(source=f"Try `{SECRET}`!"), "intro"),
    "output": (lambda n: cell_of(n, "slope").update(outputs=output(SECRET)), "slope (outputs)"),
    "html": (
        lambda n: cell_of(n, "slope").update(outputs=output(SECRET.replace("-", "&#45;"))),
        "slope (outputs)",
    ),
    "metadata": (
        lambda n: cell_of(n, "intro")["metadata"].update(note={"deep": [1, SECRET]}),
        "intro (metadata)",
    ),
    "attachment": (
        lambda n: cell_of(n, "intro").update(attachments=attached(SECRET)),
        "intro (attachments)",
    ),
}


@pytest.mark.parametrize("name", PLACES)
def test_solution_line_is_found(name: str, tmp_path: Path) -> None:
    make, cell = PLACES[name]
    root = released(tmp_path, make)
    (sentence,) = find_leaks(root, ASSIGNMENT)
    assert sentence.startswith(f"{RELEASED}, cell {cell} shows `{SECRET}`")
    assert f"the reference solution slope_solution in {NOTEBOOK}" in sentence


def test_grader_line_is_found_and_its_file_is_named(tmp_path: Path) -> None:
    root = released(tmp_path, lambda n: n["metadata"].update(note=GRADER))
    (sentence,) = find_leaks(root, ASSIGNMENT)
    assert "the notebook's metadata shows" in sentence
    assert f"the hidden grader tests/{ASSIGNMENT}/slope/test_slope.py" in sentence


def test_other_files_and_archives_are_searched(tmp_path: Path) -> None:
    root = released(tmp_path, lambda _: None)
    folder = (root / RELEASED).parent
    (folder / "notes.txt").write_text(f"remember: {SECRET}")
    with zipfile.ZipFile(folder / "all.zip", "w") as archive:
        archive.writestr("inside.py", GRADER)
    (folder / "broken.ipynb").write_text(SECRET)
    (folder / "picture.png").write_bytes(bytes(range(256)))
    starts = [sentence.split(" shows ")[0] for sentence in find_leaks(root, ASSIGNMENT)]
    assert starts == [
        f"release/{ASSIGNMENT}/all.zip, inside.py",
        f"release/{ASSIGNMENT}/broken.ipynb",
        f"release/{ASSIGNMENT}/notes.txt",
    ]


def test_a_clean_release_has_no_leak(tmp_path: Path) -> None:
    assert find_leaks(released(tmp_path, lambda _: None), ASSIGNMENT) == []


def test_distinctive_lines_have_at_least_four_names_and_numbers(tmp_path: Path) -> None:
    root = write_course(tmp_path / "course")
    lines = {secret.line for secret in solution_lines(root, ASSIGNMENT)}
    assert "run = x1 - x0  # never zero here" not in lines  # three, not counting the comment
    assert SECRET in lines
    assert "self.a, self.b = a, b" in lines
    assert not any("ANSWERS" in line for line in lines)  # keywords and words in strings do not count


def test_imports_and_docstrings_of_a_solution_are_not_secret(tmp_path: Path) -> None:
    root = write_course(tmp_path / "course")
    content = load(root / NOTEBOOK)
    shown = f"{BEGIN}\nfrom os import path, sep, name, curdir\n{END}"
    inner = f"def f():\n    {BEGIN}\n    def g():\n        'one two three four'\n    {END}"
    cell_of(content, "answers_solution")["source"] = f"{shown}\n{inner}"
    save(root / NOTEBOOK, content)
    origins = [secret.origin for secret in solution_lines(root, ASSIGNMENT)]
    assert not any("answers_solution" in origin for origin in origins)


def test_imports_docstrings_and_given_signatures_of_a_grader_are_not_secret(tmp_path: Path) -> None:
    root = write_course(tmp_path / "course")
    assert {secret.line for secret in grader_lines(root, ASSIGNMENT)} == {
        "def test_slope(student, reference, draw):",
        GRADER,
        "assert student.slope(*points) == reference.slope(*points)",
    }


def test_release_refuses_a_leak(tmp_path: Path) -> None:
    root = write_course(tmp_path / "course")
    content = load(root / NOTEBOOK)
    cell_of(content, "slope")["source"] += f"\n# hint: {SECRET}"
    save(root / NOTEBOOK, content)
    with pytest.raises(ReleaseError, match=r"cell slope shows `return Fraction"):
        make_release(root, ASSIGNMENT)
    assert not (root / "release").exists()
    assert any("cell slope shows" in sentence for sentence in check_release(root, ASSIGNMENT))
