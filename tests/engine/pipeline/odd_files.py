"""Students whose files have odd names, or who hand in two files for one notebook. See odd_class.py."""

from __future__ import annotations

import json

from tests.engine.pipeline.odd_class import PART1, PART2, Submission, odd, released


def named(student: str, file: str) -> None:
    """Register a student who hands part 1 in under this name."""

    def rename(mine: Submission) -> None:
        mine.rename(file)

    rename.__name__ = student
    odd()(rename)


named("file_from_a_second_download", "part1_neurons (1).ipynb")
named("file_from_jupyter_duplicate", "part1_neurons-Copy1.ipynb")
named("file_in_capitals", "PART1_NEURONS.ipynb")
named("file_with_a_capital_suffix", "part1_neurons.IPYNB")
named("file_named_freely", "my_homework.ipynb")
named("file_from_canvas", "lovelaceada_48213_7730121_part1_neurons.ipynb")
named("file_from_canvas_late", "lovelaceada_LATE_48213_7730121_part1_neurons-2.ipynb")
named("file_from_moodle", "Ada Lovelace_4711_assignsubmission_file_part1_neurons.ipynb")
named("file_copied_by_colab", "Kopie von part1_neurons.ipynb")
named("file_with_umlauts_and_spaces", "Übung 6 – Teil 1 (fertig!).ipynb")
named("file_named_like_part_2", "part2_losses.ipynb")


@odd(PART1, PART2)
def files_with_each_other_s_names(mine: Submission) -> None:
    first, second = mine.notebooks.items()
    mine.notebooks = {first[0]: second[1], second[0]: first[1]}


def stub_file(mine: Submission) -> bytes:
    return json.dumps(released(mine.course, mine.part)).encode()


@odd()
def two_files_the_newer_with_a_number(mine: Submission) -> None:
    mine.files["part1_neurons.ipynb"] = stub_file(mine)
    mine.age["part1_neurons.ipynb"] = 48
    mine.rename("part1_neurons (1).ipynb")


@odd()
def two_files_the_older_a_copy(mine: Submission) -> None:
    mine.files["part1_neurons-Copy1.ipynb"] = stub_file(mine)
    mine.age["part1_neurons-Copy1.ipynb"] = 48


@odd()
def folder_with_a_checkpoint(mine: Submission) -> None:
    """What Jupyter and a Mac leave in a folder."""
    mine.files[".ipynb_checkpoints/part1_neurons-checkpoint.ipynb"] = stub_file(mine)
    mine.files["._part1_neurons.ipynb"] = b"\x00\x05\x16\x07\x00\x02\x00\x00Mac OS X" + bytes(100)
    mine.files[".DS_Store"] = b"\x00\x00\x00\x01Bud1" + bytes(100)
