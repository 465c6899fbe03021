"""Which of a student's files counts as which notebook, and the line that says so."""

from __future__ import annotations

import itertools
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from autograder.core.errors import Unreadable
from autograder.course.course import Course
from autograder.intake.file_choice import SortedFiles, notebook_files, sort_files
from autograder.nbgrader_plugins.names import refuse_misnamed
from tests.engine.support.small_course import ROOT, cell, cell_of, load

PART, OTHER = "part1_neurons", "part3_training"
NOW = 1_700_000_000
Notebook = dict[str, Any]
Write = Callable[..., Path]


@pytest.fixture(scope="module")
def course() -> Course:
    return Course(ROOT)


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Write a notebook, or a text, into the student's folder, saved `age` seconds ago."""

    def write(name: str, content: Notebook | str, age: float = 0) -> Path:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content if isinstance(content, str) else json.dumps(content))
        os.utime(path, (NOW - age, NOW - age))
        return path

    return write


def released(name: str = PART) -> Notebook:
    return load(ROOT / "release" / "module6" / f"{name}.ipynb")


def worked_on(name: str = PART, answers: int = 1) -> Notebook:
    content = released(name)
    content["cells"] += [cell(f"mine-{n}", f"answer_{n} = 1") for n in range(answers)]
    return content


def files_of(found: SortedFiles) -> dict[str, str]:
    """By notebook, the name of the file that counts."""
    return {chosen.name: chosen.file.shown for chosen in found.chosen}


@pytest.mark.parametrize(
    "name",
    [
        "part1_neurons.ipynb",
        "part1_neurons (1).ipynb",
        "part1_neurons-Copy1.ipynb",
        "Part1_Neurons.IPYNB",
        "my_homework.ipynb",
        "Untitled.ipynb",
        "doejane_LATE_12345_678901_part1_neurons-2.ipynb",
        "Jane Doe_4711_assignsubmission_file_part1_neurons.ipynb",
        "part2_losses.ipynb",
        "part1_neurons.ipynb.txt",
        "part1_neurons.ipynb.json",
        "part1_neurons.json",
        "part1_neurons.txt",
        "part1_neurons",
        "part1_neurons.ipynb.download",
        "part1_neurons-checkpoint.ipynb",
        "module6/part1_neurons.ipynb",
        "a/b/part1_neurons (1).ipynb",
        "[b]*?.ipynb",
        "Übung 1.ipynb",
    ],
)
def test_file_counts_whatever_it_is_called(course: Course, tmp_path: Path, write: Write, name: str) -> None:
    write(name, worked_on())
    found = sort_files(course, tmp_path)
    assert files_of(found) == {PART: name}
    assert not found.refused
    exact = Path(name).name == f"{PART}.ipynb"
    note = "" if exact else f"{name} is graded as {PART}: its cells say so."
    if name.startswith("part2_losses"):
        note += f" part2_losses was not handed in: {name} has its name, but not its cells."
    assert found.chosen[0].note == note


@pytest.mark.parametrize(
    "name",
    [
        ".ipynb_checkpoints/part1_neurons-checkpoint.ipynb",
        "module6/.ipynb_checkpoints/part1_neurons-checkpoint.ipynb",
        "__MACOSX/part1_neurons.ipynb",
        "._part1_neurons.ipynb",
        "data/settings.json",
        "notes.txt",
        "results.json",
        "part1_neurons.ipynb.pdf",
    ],
)
def test_other_files_are_left_alone(course: Course, tmp_path: Path, write: Write, name: str) -> None:
    write(f"{PART}.ipynb", worked_on())
    hidden = any(part.startswith((".", "__")) for part in Path(name).parts)
    write(name, worked_on(answers=5) if hidden else '{"cells": "in a battery"}', age=-100)
    found = sort_files(course, tmp_path)
    assert files_of(found) == {PART: f"{PART}.ipynb"}
    assert (found.chosen[0].note, found.refused) == ("", {})


def test_linked_folders_are_not_entered(tmp_path: Path, write: Write) -> None:
    (tmp_path / "ada").mkdir()
    write("bob/part1_neurons.ipynb", worked_on())
    (tmp_path / "ada/bob").symlink_to(tmp_path / "bob")
    (tmp_path / "ada/link.ipynb").symlink_to(tmp_path / "bob/part1_neurons.ipynb")
    (tmp_path / "ada/secret.txt").symlink_to(tmp_path / "bob/part1_neurons.ipynb")
    assert notebook_files(tmp_path / "ada") == [tmp_path / "ada/link.ipynb"], "it is refused by name"


# -- two files for one notebook ------------------------------------------------------------------------


def test_last_one_saved_counts(course: Course, tmp_path: Path, write: Write) -> None:
    write("part1_neurons.ipynb", worked_on(answers=3), age=3600)
    write("part1_neurons-Copy1.ipynb", worked_on(answers=2))
    write("old/part1_neurons.ipynb", worked_on(answers=1), age=7200)
    (chosen,) = sort_files(course, tmp_path).chosen
    assert chosen.note == (
        "part1_neurons-Copy1.ipynb is graded as part1_neurons, and not part1_neurons.ipynb or"
        " old/part1_neurons.ipynb: it was saved last."
    )


@pytest.mark.parametrize(
    ("older", "newer", "why"),
    [
        ("part1_neurons.ipynb", "part1_neurons (1).ipynb", "highest number"),
        ("part1_neurons (2).ipynb", "part1_neurons (10).ipynb", "highest number"),
        ("part1_neurons.ipynb", "part1_neurons-Copy1.ipynb", "highest number"),
        ("part1_neurons.ipynb", "Copy of x part1_neurons copy.ipynb", "highest number"),
        ("doe_12_345_part1_neurons.ipynb", "doe_LATE_12_346_part1_neurons-1.ipynb", "highest number"),
        ("doe_12_345_part1_neurons-2.ipynb", "doe_12_346_part1_neurons.ipynb", "highest number"),
        ("part1_neurons (1).ipynb.txt", "part1_neurons (2).ipynb.txt", "highest number"),
        ("homework.ipynb", "part1_neurons.ipynb", "released name"),
        ("b.ipynb", "a.ipynb", "comes first"),
    ],
)
@pytest.mark.parametrize("age", [0, 3])
def test_name_decides_if_the_times_do_not(
    course: Course, tmp_path: Path, write: Write, older: str, newer: str, why: str, age: int
) -> None:
    """Unpacking an archive may save the older one a few seconds later."""
    write(older, worked_on() | {"metadata": {}})
    changed = worked_on()
    changed["cells"][-1]["source"] = "answer_0 = 2"
    write(newer, changed, age)
    (chosen,) = sort_files(course, tmp_path).chosen
    assert chosen.file.shown == newer
    assert f"{newer} is graded as {PART}, and not {older}: they were saved at the same time" in chosen.note
    assert why in chosen.note


def test_more_work_decides_if_names_and_times_do_not(course: Course, tmp_path: Path, write: Write) -> None:
    write("a.ipynb", worked_on(answers=1))
    write("b.ipynb", worked_on(answers=2))
    (chosen,) = sort_files(course, tmp_path).chosen
    assert chosen.file.shown == "b.ipynb"
    assert "it has the most work in it" in chosen.note


@pytest.mark.parametrize("age", [-1000, 0, 1000])
def test_untouched_notebook_never_counts_before_one_with_work(
    course: Course, tmp_path: Path, write: Write, age: int
) -> None:
    """Even if it was saved last, as when a student downloads the assignment again."""
    write("part1_neurons.ipynb", worked_on())
    write("part1_neurons (1).ipynb", released(), age)
    (chosen,) = sort_files(course, tmp_path).chosen
    assert chosen.file.shown == "part1_neurons.ipynb"
    assert chosen.note == (
        "part1_neurons.ipynb is graded as part1_neurons, and not part1_neurons (1).ipynb: only this one was"
        " worked on."
    )


def test_same_cells_in_two_files_are_no_news(course: Course, tmp_path: Path, write: Write) -> None:
    ran = worked_on()
    cell_of(ran, "mine-0").update(execution_count=3)
    write("module6/part1_neurons.ipynb", ran)
    write("copy.ipynb", worked_on(), age=-100)
    (chosen,) = sort_files(course, tmp_path).chosen
    assert (chosen.file.shown, chosen.note) == ("module6/part1_neurons.ipynb", "")


def test_copy_made_last_makes_its_original_the_newest(course: Course, tmp_path: Path, write: Write) -> None:
    write("part1_neurons.ipynb", worked_on(answers=1), age=9000)
    write("tried.ipynb", worked_on(answers=2), age=5000)
    write("part1_neurons (1).ipynb", worked_on(answers=1), age=0)
    (chosen,) = sort_files(course, tmp_path).chosen
    assert chosen.note == (
        "part1_neurons.ipynb is graded as part1_neurons, and not tried.ipynb: it was saved last."
    )


def test_copy_under_the_name_of_another_notebook_is_named(
    course: Course, tmp_path: Path, write: Write
) -> None:
    """The student saved part 1 over part 3."""
    for name in (PART, OTHER):
        write(f"{name}.ipynb", worked_on(PART))
    found = sort_files(course, tmp_path)
    assert files_of(found) == {PART: f"{PART}.ipynb"}
    line = f"{OTHER} was not handed in: {OTHER}.ipynb has its name, but not its cells."
    assert [chosen.note for chosen in found.chosen] == [line]
    with pytest.raises(Unreadable, match=f"^{OTHER}.ipynb holds the cells of {PART}: rename it"):
        refuse_misnamed(course, tmp_path)


def test_copy_in_the_folder_itself_counts_before_one_below_it(
    course: Course, tmp_path: Path, write: Write
) -> None:
    for name in ("zip/part1_neurons.ipynb", "part1_neurons.ipynb", "a/b/part1_neurons.ipynb"):
        write(name, worked_on())
    assert files_of(sort_files(course, tmp_path)) == {PART: "part1_neurons.ipynb"}


@pytest.mark.parametrize("text", ["", "{", '{"cells": []}'])
@pytest.mark.parametrize("age", [-100, 100])
def test_unreadable_file_does_not_hide_a_readable_one(
    course: Course, tmp_path: Path, write: Write, text: str, age: int
) -> None:
    write("part1_neurons.ipynb", text, age)
    write("part1_neurons (1).ipynb", worked_on())
    found = sort_files(course, tmp_path)
    assert files_of(found) == {PART: "part1_neurons (1).ipynb"}
    note = "part1_neurons (1).ipynb is graded in place of part1_neurons.ipynb, which cannot be: part1_neurons.ipynb"
    assert note in found.chosen[0].note
    assert not found.refused


# -- several notebooks in one file ---------------------------------------------------------------------


def test_file_that_holds_all_parts_is_graded_as_each(course: Course, tmp_path: Path, write: Write) -> None:
    cells = itertools.chain(*(worked_on(name)["cells"] for name in course.notebooks))
    write("all.ipynb", {"cells": list(cells)})
    found = sort_files(course, tmp_path)
    assert files_of(found) == dict.fromkeys(course.notebooks, "all.ipynb")
    (note,) = {chosen.note for chosen in found.chosen}
    assert note == (
        "all.ipynb holds several notebooks and is graded as each of them: part1_neurons, part2_losses,"
        " part3_training, part4_generalization."
    )


def test_file_of_its_own_counts_before_one_that_holds_several(
    course: Course, tmp_path: Path, write: Write
) -> None:
    both = {"cells": worked_on(PART, 2)["cells"] + worked_on(OTHER, 2)["cells"]}
    write("part1_neurons.ipynb", both)
    write("part3_training.ipynb", worked_on(OTHER, 1), age=1000)
    found = sort_files(course, tmp_path)
    assert files_of(found) == {PART: "part1_neurons.ipynb", OTHER: "part3_training.ipynb"}
    assert {chosen.note for chosen in found.chosen} == {""}
