"""Submit, grade, kill, release, regrade, in any order: no manual grade, comment, file or page is lost.

A model of the class (kept_model.py) is compared with the gradebook and the folders after each step.
"""

from __future__ import annotations

import io
import json
import shutil
import sys
from collections.abc import Iterator
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from typing import ClassVar

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from autograder import cli, pipeline
from autograder.authoring.release import make_release
from autograder.core.records import WorkerConfig
from autograder.course.course import Course
from autograder.workers import shared_worker
from autograder.workers.worker_process import WorkerProcess
from tests.engine.pipeline import kept_model
from tests.engine.pipeline.kept_model import ANSWERS, AUTOMATIC, COMMENTED, GRADER, STRICTER, WRITTEN, Student
from tests.engine.support.scratch_course import SharedPool
from tests.engine.support.small_class import OTHER, PART, write_class

pytestmark = pytest.mark.slow

STUDENTS = ("ada", "bob", "cy")
students = st.sampled_from(STUDENTS)
USUAL, NUMBERED = f"{PART}.ipynb", f"{PART} (1).ipynb"


class Workers(SharedPool):
    """A pool with one worker for each version of the grader, since a worker does not notice that one changes."""

    by_grader: ClassVar[dict[str, WorkerProcess]] = {}

    def __init__(self, config: WorkerConfig, jobs: int) -> None:
        super().__init__(config, jobs)
        self.worker = self.by_grader[(Path(config.root) / GRADER).read_text()]


class TheClass(RuleBasedStateMachine):
    template: ClassVar[Path]
    root: ClassVar[Path]
    known: ClassVar[dict[tuple[str, str, int], dict[str, float | None]]] = {}
    """What `autograder run` says, by kind of notebook, grader and points."""

    @initialize()
    def start(self) -> None:
        shutil.rmtree(self.root, ignore_errors=True)
        shutil.copytree(self.template, self.root)
        self.students: dict[str, Student] = {}
        self.points = 3

    # -- commands ---------------------------------------------------------------------------------

    def autograder(self, *words: str) -> int:
        """Run a command in this process; returns its exit code."""
        said = io.StringIO()
        with pytest.MonkeyPatch.context() as patch, redirect_stdout(said), redirect_stderr(said):
            patch.setattr(sys, "argv", ["autograder", *words, "--course", str(self.root)])
            with pytest.raises(SystemExit) as end:
                cli.main()
        assert "Traceback" not in said.getvalue()
        return int(end.value.code or 0)

    def fresh_scores(self, kind: str) -> dict[str, float | None]:
        """What `autograder run` gives for a notebook of this kind now."""
        key = kind, (self.root / GRADER).read_text(), self.points
        if key not in self.known:
            path = self.root.parent / USUAL
            path.write_bytes(kept_model.content(self.root, kind, ANSWERS[0]))
            assert self.autograder("run", str(path), "--json", str(path.with_suffix(".json"))) == 0
            (result,) = json.loads(path.with_suffix(".json").read_text())["results"]
            self.known[key] = {x["id"]: x["score"] for x in result["exercises"] if x["id"] in AUTOMATIC}
        return self.known[key]

    def graded(self, name: str) -> None:
        """A student's submission has been graded, as far as it can be read."""
        student = self.students[name]
        if student.kind != "unreadable":
            student.scores = self.fresh_scores(student.kind)
            student.recorded.add(student.answer)
            student.has_notebook = True

    # -- what students do ---------------------------------------------------------------------------

    @rule(
        name=students,
        kind=st.sampled_from(["right", "wrong", "right", "wrong", "unreadable"]),
        answer=st.sampled_from(ANSWERS),
        file=st.sampled_from([USUAL, USUAL, NUMBERED]),
        beside=st.sampled_from(["nothing", "nothing", "older", "broken"]),
    )
    def submit(self, name: str, kind: str, answer: str, file: str, beside: str) -> None:
        student = self.students.setdefault(name, Student())
        student.kind, student.answer, student.broken_beside = kind, answer, beside == "broken"
        student.files = {file: kept_model.content(self.root, kind, answer)}
        hours = {file: 0, f"{OTHER}.ipynb": 0}
        if beside == "older" and file == NUMBERED and kind != "unreadable":
            student.files[USUAL] = kept_model.content(self.root, "wrong", "An older answer.")
            hours[USUAL] = 30
        elif student.broken_beside:
            student.files[f"{OTHER}.ipynb"] = kept_model.UNREADABLE
        kept_model.write_files(self.root / "submitted" / name / "module6", student.files, hours)

    # -- what instructors do --------------------------------------------------------------------------

    @precondition(lambda self: self.students)
    @rule(force=st.booleans())
    def grade(self, force: bool) -> None:
        code = self.autograder("grade", *["--force"] * force)
        bad = [x for x in self.students.values() if x.kind == "unreadable" or x.broken_beside]
        assert code == bool(bad)
        for name in self.students:
            self.graded(name)

    @precondition(lambda self: self.students)
    @rule(data=st.data(), force=st.booleans())
    def grade_one(self, data: st.DataObject, force: bool) -> None:
        name = data.draw(st.sampled_from(sorted(self.students)))
        self.autograder("grade", "--student", name, *["--force"] * force)
        self.graded(name)

    @precondition(lambda self: self.students)
    @rule(place=st.sampled_from(["database", "file"]), after=st.integers(0, 6))
    def grade_until_the_disk_is_full(self, place: str, after: int) -> None:
        with kept_model.full_disk(place, after):
            self.autograder("grade", "--force")
        for student in self.students.values():
            student.uncertain()

    @precondition(lambda self: self.students)
    @rule(milliseconds=st.floats(0, 300))
    def kill_grade(self, milliseconds: float) -> None:
        kept_model.killed_while_saving(self.root, milliseconds)
        for student in self.students.values():
            student.uncertain()

    @precondition(lambda self: self.students)
    @rule(data=st.data())
    def nbgrader_autograde(self, data: st.DataObject) -> None:
        name = data.draw(st.sampled_from(sorted(self.students)))
        code = kept_model.nbgrader_autograde(self.root, name)
        student = self.students[name]
        if code:
            assert student.kind == "unreadable" or len(student.files) > 1 or USUAL not in student.files
            student.uncertain()
            student.has_notebook = False  # nbgrader removes the graded notebook of a submission that fails
        else:
            self.graded(name)

    @precondition(lambda self: any(x.has_notebook for x in self.students.values()))
    @rule(data=st.data(), cell=st.sampled_from([WRITTEN, WRITTEN, "count_params"]),
          points=st.sampled_from([0.0, 1.5, 3.0]), extra=st.sampled_from([None, 0.5]))  # fmt: skip
    def give_points(self, data: st.DataObject, cell: str, points: float, extra: float | None) -> None:
        name = self.draw_graded(data)
        kept_model.give(self.root, name, cell, points, extra)
        student = self.students[name]
        student.manual[cell] = points, extra
        if cell == WRITTEN and len(student.recorded) > 0:
            student.judged, student.recorded = self.recorded_answer(name), set()

    @precondition(lambda self: any(x.has_notebook for x in self.students.values()))
    @rule(data=st.data(), cell=st.sampled_from(COMMENTED), text=st.sampled_from(["Good.", "Why? <b>"]))
    def comment(self, data: st.DataObject, cell: str, text: str) -> None:
        name = self.draw_graded(data)
        kept_model.comment(self.root, name, cell, text)
        self.students[name].comments[cell] = text

    def draw_graded(self, data: st.DataObject) -> str:
        return data.draw(st.sampled_from(sorted(x for x, y in self.students.items() if y.has_notebook)))

    def recorded_answer(self, name: str) -> str:
        """The written answer that formgrader shows."""
        (path,) = self.root.glob(f"autograded/{name}/module6/{PART}.ipynb")
        cells = json.loads(path.read_text())["cells"]
        (cell,) = [x for x in cells if x["metadata"].get("nbgrader", {}).get("grade_id") == WRITTEN]
        return "".join(cell["source"])

    @rule()
    def release_again(self) -> None:
        make_release(self.root, "module6")

    @rule(points=st.sampled_from([3, 4]))
    def release_with_other_points(self, points: int) -> None:
        kept_model.set_points(self.root, points)
        make_release(self.root, "module6")
        if points != self.points:
            self.points = points
            for student in self.students.values():
                student.scores = None  # until they are graded again

    @rule(stricter=st.booleans())
    def change_the_grader(self, stricter: bool) -> None:
        text = (self.template / GRADER).read_text()
        (self.root / GRADER).write_text(text + STRICTER * stricter)

    @precondition(lambda self: any(x.has_notebook for x in self.students.values()))
    @rule(name=st.none() | students)
    def feedback(self, name: str | None) -> None:
        code = self.autograder("feedback", *(["--student", name] if name else []))
        for path in self.root.glob("autograded/*/module6/*.ipynb"):
            if name in (None, path.parts[-3]):
                assert code == 0
                self.students[path.parts[-3]].has_page = True

    # -- what always holds --------------------------------------------------------------------------------

    @invariant()
    def what_people_entered_is_there(self) -> None:
        rows, comments = kept_model.rows(self.root), kept_model.comments(self.root)
        for name, student in self.students.items():
            for cell in (WRITTEN, "count_params"):
                wanted = student.manual.get(cell, (None, None))
                assert rows.get((name, cell), (None,) * 4)[1:3] == wanted, (name, cell)
            found = {cell: text for (who, cell), text in comments.items() if who == name}
            assert found == student.comments, name

    @invariant()
    def only_changed_answers_are_flagged(self) -> None:
        rows = kept_model.rows(self.root)
        for name, student in self.students.items():
            if student.judged is None:
                continue
            flagged = rows[name, WRITTEN][3]
            if student.recorded <= {student.judged}:
                assert not flagged, f"{name}: the answer is the one that was graded by hand"
            elif student.scores is not None and student.judged not in student.recorded:
                assert flagged, f"{name}: the answer was changed after it was graded by hand"

    @invariant()
    def scores_are_those_of_a_fresh_run(self) -> None:
        rows = kept_model.rows(self.root)
        for name, student in self.students.items():
            if student.scores is not None:
                found = {cell: rows[name, cell][0] for cell in AUTOMATIC}
                assert found == student.scores, name

    @invariant()
    def files_and_pages_are_there(self) -> None:
        assert kept_model.submitted(self.root) == {name: x.files for name, x in self.students.items()}
        for name, student in self.students.items():
            page = self.root / "feedback" / name / "module6" / f"{PART}.html"
            assert page.exists() or not student.has_page, name
            notebook = self.root / "autograded" / name / "module6" / f"{PART}.ipynb"
            assert notebook.exists() or not student.has_notebook, name
        kept_model.assert_readable(self.root)


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    folder = tmp_path_factory.mktemp("kept")
    original = write_class(folder / "original")
    seed = Course(original).seed()
    changed = shutil.copytree(original, folder / "changed")
    (changed / GRADER).write_text((original / GRADER).read_text() + STRICTER)
    TheClass.template, TheClass.root = original, folder / "course"
    try:
        for root in (original, changed):
            config = WorkerConfig(str(root), "module6", seed, "cpu", diagnose=False)
            Workers.by_grader[(root / GRADER).read_text()] = WorkerProcess(config)
        yield
    finally:
        for worker in Workers.by_grader.values():
            worker.close()
        shared_worker.close_shared_workers()


def test_nothing_is_lost(prepared: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pipeline, "Pool", Workers)
    run_state_machine_as_test(
        TheClass,
        settings=settings(
            max_examples=10, stateful_step_count=20, deadline=None, derandomize=True, database=None,
            phases=[Phase.generate], suppress_health_check=list(HealthCheck),
        ),
    )  # fmt: skip
