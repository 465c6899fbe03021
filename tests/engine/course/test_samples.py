"""Samples as source text: each works on its own, under the name that it replaces."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from autograder.core.errors import CourseError
from autograder.course.samples import Sample, provides, read_samples, replaces
from tests.engine.support.small_course import ROOT

FILE = '''"""Samples."""
from __future__ import annotations

import functools
import math as m
import os.path
from collections import deque

from autograder.samples import provides, replaces

_half = 0.5
_first, (_second, *_rest) = 1, (2, 3)
_typed: int = 40
PUBLIC = 1


def _scaled(x):
    return _half * _helped(x)


def _helped(x):
    return m.floor(x) + _second + _typed


@replaces("area")
def halves(x):
    """Half of
    it."""
    return _scaled(x)


@replaces("count")
def recursive(n):
    return 0 if n == 0 else 1 + recursive(n - 1)


@functools.lru_cache
@replaces("fast")
def remembered(n):
    return [n]


@replaces("Line")
class Sloped:
    """A class."""

    def make(self):
        return Sloped()


@provides("ANSWERS")
def answers():
    """Given."""
    return {"a": _first}


@replaces("nothing")
def only_words():
    """Nothing else."""
'''


@pytest.fixture
def samples(tmp_path: Path) -> dict[str, Sample]:
    (tmp_path / "wheats.py").write_text(FILE)
    return {sample.name: sample for sample in read_samples(tmp_path)}


def names_of(sample: Sample) -> dict[str, Any]:
    names: dict[str, Any] = {}
    exec(sample.source, names)  # noqa: S102  -- the test's own text
    return names


def test_decorated_definitions_are_found_with_their_message(samples: dict[str, Sample]) -> None:
    targets = {name: sample.target for name, sample in samples.items()}
    assert targets == {
        "halves": "area", "recursive": "count", "remembered": "fast", "Sloped": "Line", "answers": "ANSWERS",
        "only_words": "nothing",
    }  # fmt: skip
    assert samples["halves"].message == "Half of it."
    assert samples["recursive"].message == ""
    assert {sample.kind for sample in samples.values()} == {"wheat"}


def test_a_sample_works_on_its_own(samples: dict[str, Sample]) -> None:
    assert names_of(samples["halves"])["area"](2.5) == 22.0
    assert names_of(samples["recursive"])["count"](3) == 3
    assert names_of(samples["answers"])["ANSWERS"] == {"a": 1}
    assert names_of(samples["only_words"])["nothing"]() is None


def test_a_class_refers_to_itself_by_the_replaced_name(samples: dict[str, Sample]) -> None:
    names = names_of(samples["Sloped"])
    assert type(names["Line"]().make()) is names["Line"]
    assert "Sloped" not in names


def test_other_decorators_stay(samples: dict[str, Sample]) -> None:
    fast = names_of(samples["remembered"])["fast"]
    assert fast(1) is fast(1)


def test_unused_imports_and_helpers_are_left_out(samples: dict[str, Sample]) -> None:
    source = samples["recursive"].source
    assert "import" not in source
    assert "_" not in source
    assert "deque" not in samples["halves"].source
    assert "PUBLIC" not in samples["halves"].source


def test_docstrings_and_decorators_stay_out_of_the_source(samples: dict[str, Sample]) -> None:
    for sample in samples.values():
        assert "autograder" not in sample.source
        assert "replaces" not in sample.source
        assert sample.message not in sample.source or not sample.message


def test_correct_samples_come_first_and_a_folder_may_be_empty(tmp_path: Path) -> None:
    assert read_samples(tmp_path) == []
    for file in ("chaffs.py", "wheats.py"):
        (tmp_path / file).write_text('@replaces("f")\ndef g():\n    """Why."""\n    return 1\n')
    assert [sample.kind for sample in read_samples(tmp_path)] == ["wheat", "chaff"]


@pytest.mark.parametrize(
    ("block", "sentence"),
    [
        ('def sums(x):\n    """Adds."""\n', "line 1: sums does not say what it replaces"),
        ('@replaces("area")\ndef sums(x):\n    return x\n', "line 2: sums has no docstring"),
    ],
)
def test_incomplete_buggy_samples_are_reported(tmp_path: Path, block: str, sentence: str) -> None:
    (tmp_path / "chaffs.py").write_text(block)
    with pytest.raises(CourseError, match=sentence):
        read_samples(tmp_path)


def test_invalid_python_is_reported_with_its_line(tmp_path: Path) -> None:
    (tmp_path / "wheats.py").write_text("x = 1\ndef f(:\n")
    with pytest.raises(CourseError, match=r"wheats\.py, line 2, is not valid Python"):
        read_samples(tmp_path)


def test_the_decorators_return_what_they_decorate() -> None:
    def f() -> int:
        return 1

    assert replaces("a")(f) is f
    assert provides("a")(f) is f


def test_every_sample_in_the_course_is_complete() -> None:
    folders = [path.parent for path in (ROOT / "tests" / "module6").glob("*/chaffs.py")]
    assert folders
    for folder in folders:
        found = read_samples(folder)
        assert {sample.kind for sample in found} == {"wheat", "chaff"}
        for sample in found:
            compile(sample.source, sample.name, "exec")
            assert sample.message, f"{folder.name}: {sample.name} has no docstring"
