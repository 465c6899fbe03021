"""What each part of `make gpu` makes of what it measured, with measurements that were never made."""

from __future__ import annotations

import copy
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import nbformat
import pytest

from autograder.core.settings import parse_settings
from autograder.demo.sample_class import CLASS
from tests.engine.gpu import endings, graders, marked_tests, sample_class
from tests.engine.gpu.commands import Done, autograder, results_in, run
from tests.engine.gpu.memory import MIB, Peaks, Watch
from tests.engine.gpu.record import Record, read_record
from tests.engine.gpu.test_memory import StubCard


@pytest.fixture
def record(tmp_path: Path) -> Record:
    return Record(tmp_path / "part.json")


def exercise(
    name: str, score: float = 2.0, status: str = "passed", chaff: str | None = None
) -> dict[str, Any]:
    checks = [{"name": "test_shape", "passed": True}, {"name": "test_values", "passed": score == 2.0}]
    diagnosis = {"chaff": chaff, "message": "…"} if chaff else None
    return {
        "id": name,
        "score": score,
        "max_score": 2.0,
        "status": status,
        "checks": checks,
        "diagnosis": diagnosis,
    }


def submission(student: str, notebook: str, seconds: float, *exercises: dict[str, Any]) -> dict[str, Any]:
    return {
        "path": f"/tmp/x/submitted/{student}/module6/{notebook}.ipynb", "notebook": notebook, "status": "graded",
        "score": sum(x["score"] for x in exercises), "max_score": 2.0 * len(exercises), "seconds": seconds,
        "exercises": list(exercises),
    }  # fmt: skip


def the_class() -> list[dict[str, Any]]:
    return [
        submission("ada", "part1", 1.0, exercise("relu"), exercise("mlp", 1.0, "partial", "no_bias")),
        submission("bob", "part1", 4.0, exercise("relu"), exercise("mlp")),
        submission("bob", "part2", 2.0, exercise("loss", 0.0, "wrong")),
    ]


def test_equal_grades_have_no_difference(record: Record) -> None:
    other = copy.deepcopy(the_class())[::-1]
    other[0]["seconds"] = 99.0
    sample_class.record_equality(record, the_class(), other)
    assert record.figures == [("CPU and GPU compared", "3 submissions, 5 exercises: all equal")]
    assert record.code == 0


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"score": 1.5}, "bob/part1, mlp: score 2.0 on the CPU, 1.5 on the GPU"),
        ({"score": None}, "bob/part1, mlp: score 2.0 on the CPU, None on the GPU"),
        ({"status": "memory"}, "bob/part1, mlp: status passed on the CPU, memory on the GPU"),
        ({"diagnosis": {"chaff": "x"}}, "bob/part1, mlp: diagnosis None on the CPU, x on the GPU"),
        (
            {"checks": [{"name": "test_shape", "passed": None}, {"name": "test_values", "passed": True}]},
            "bob/part1, mlp: other verdicts of test_shape",
        ),
        ({"id": "mlp2"}, "bob/part1, mlp: only graded on one of the two"),
    ],
)
def test_a_difference_in_one_exercise_is_found(record: Record, change: dict[str, Any], expected: str) -> None:
    other = the_class()
    other[1]["exercises"][1] |= change
    assert expected in sample_class.differences(the_class(), other)
    sample_class.record_equality(record, the_class(), other)
    assert record.code == 1


def test_a_submission_that_was_graded_on_one_only_is_found() -> None:
    found = sample_class.differences(the_class(), the_class()[1:])
    assert found == ["ada/part1: only graded on one of the two"]


def test_nothing_compared_is_a_problem(record: Record) -> None:
    sample_class.record_equality(record, [], [])
    assert record.problems == ["no exercise was graded, so nothing was compared"]


def test_seconds_are_told_for_each_notebook(record: Record) -> None:
    sample_class.record_seconds(record, the_class(), [x | {"seconds": 7.0} for x in the_class()])
    assert [value for _, value in record.figures] == [
        "CPU 2.5 (4.0); GPU 7.0 (7.0)",
        "CPU 2.0 (2.0); GPU 7.0 (7.0)",
    ]


def test_memory_says_how_many_fit(record: Record) -> None:
    watch = Watch(StubCard((100, {})))
    watch.peaks = Peaks(5000 * MIB, 700 * MIB, 300 * MIB, 4)
    sample_class.record_memory(record, watch, free=10_500 * MIB)
    assert dict(record.figures) == {
        "card, before and at its fullest": "100 MiB, 5,000 MiB",
        "device memory per submission, largest": "700 MiB",
        "device memory of a worker itself, largest": "300 MiB",
        "submissions that shared the card": "4",
        "would fit, by these sizes": "10",
    }
    assert record.code == 0


def test_memory_that_the_driver_does_not_tell_is_no_figure(record: Record) -> None:
    sample_class.record_memory(record, Watch(StubCard((100, None))), free=MIB)
    assert [what for what, _ in record.figures] == ["card, before and at its fullest"]
    assert record.code == 1


TABLE = "…\nfalse accepts: {}  false rejects: {}\n"
CHECKED = [{"id": "relu", "wheats": [{}], "chaffs": [{}, {}]}, {"id": "mlp", "wheats": [], "chaffs": [{}]}]


def test_check_is_counted(record: Record) -> None:
    graders.record_check(record, Done(0, TABLE.format(0, 0), "", 80.0), CHECKED)
    assert [value for _, value in record.figures] == ["2 exercises, 8 samples, in 80 s", "0", "0"]
    assert record.code == 0


def test_a_wrong_verdict_of_check_is_named(record: Record) -> None:
    said = "autograder: false accept: relu: leaky (add a check that catches it)\n"
    graders.record_check(record, Done(1, TABLE.format(1, 0), said, 80.0), CHECKED)
    assert record.figures[1] == ("false accepts", "1")
    assert record.problems == ["false accept: relu: leaky (add a check that catches it)"]


def test_a_check_that_stopped_has_no_counts(record: Record) -> None:
    said = "autograder: no card can be used: there is none.\n"
    graders.record_check(record, Done(2, "", said, 1.0), None)
    assert record.figures == []
    assert record.problems == [f"autograder check gave no results: {said.strip()}"]


JUNIT = """<testsuites><testsuite>
<testcase classname="tests.a" name="test_one"/><testcase classname="tests.a" name="test_two"><failure/></testcase>
<testcase classname="tests.b" name="test_three"><skipped/></testcase>
<testcase classname="" name="tests.c"><error/></testcase></testsuite></testsuites>"""


def test_pytests_report_is_counted(record: Record, tmp_path: Path) -> None:
    report = tmp_path / "report.xml"
    report.write_text(JUNIT)
    marked_tests.record_tests(record, report, 1)
    assert record.figures == [("tests", "1 passed, 2 failed, 1 skipped")]
    assert record.problems == ["failed: tests.a.test_two", "failed: tests.c", "skipped: tests.b.test_three"]


def test_no_marked_test_is_no_success(record: Record, tmp_path: Path) -> None:
    marked_tests.record_tests(record, tmp_path / "none.xml", marked_tests.NO_TESTS)
    assert record.problems == ["no test is marked gpu"]


def test_only_files_with_the_mark_are_collected(tmp_path: Path) -> None:
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub/test_card.py").write_text(f"import pytest\npytestmark = pytest.{marked_tests.MARK}\n")
    (tmp_path / "test_plain.py").touch()
    assert marked_tests.files_with_marks(tmp_path) == [tmp_path / "sub/test_card.py"]


def test_one_exercise_of_a_solved_notebook_is_spoiled(tmp_path: Path) -> None:
    case = endings.Case(
        "hog", "\n    raise MemoryError('mine')\n", "memory", "[tool.autograder.time]\nexercise = 9.0\n"
    )
    file = endings.make_submission(tmp_path / "course", case)
    notebook = nbformat.read(file, as_version=4)
    spoiled = [cell for cell in notebook.cells if "MemoryError('mine')" in cell.source]
    assert [cell.metadata.nbgrader.grade_id for cell in spoiled] == [f"{endings.EXERCISE}_solution"]
    names: dict[str, Any] = {}
    exec(f"import torch\n{spoiled[0].source}", names)
    with pytest.raises(MemoryError, match="mine"):
        names[endings.EXERCISE]()
    limits = tomllib.loads((tmp_path / "course/pyproject.toml").read_text())["tool"]["autograder"]["time"]
    assert limits["exercise"] == 9.0


@pytest.mark.slow
def test_the_class_is_that_of_the_demo(tmp_path: Path) -> None:
    files = sample_class.make_class(tmp_path / "class")
    assert {file.parent.parent.name for file in files} == {student.name for student in CLASS}


def test_the_settings_of_the_parts_exist() -> None:
    for text in (sample_class.SETTINGS, *(case.settings for case in endings.CASES)):
        assert parse_settings(tomllib.loads(text)).time.exercise <= 60.0


@pytest.mark.parametrize("body", [endings.TOO_MUCH, endings.ENDLESS_KERNEL])
def test_what_spoils_a_function_is_python(body: str) -> None:
    compile(f"def relu(*values, **options):{body}", "cell", "exec")


@pytest.mark.slow
@pytest.mark.parametrize("case", endings.CASES, ids=lambda case: case.name)
def test_without_a_gpu_it_ends_in_the_same_way(tmp_path: Path, record: Record, case: endings.Case) -> None:
    """What does not pass on a GPU is graded again without one, so this status is the one that counts."""
    file = endings.make_submission(tmp_path / "course", case)
    json = tmp_path / "results.json"
    run(autograder("run", "--course", tmp_path / "course", "--seed", 1, "--json", json, "--unsafe", file))
    (result,) = results_in(json, "results") or ()
    endings.record_statuses(record, case.name, case.expected, result["exercises"])
    assert record.problems == []


def test_the_spoiled_exercise_alone_may_lose_points(record: Record) -> None:
    endings.record_statuses(record, "hog", "memory", [exercise("relu", 0.0, "memory"), exercise("mlp")])
    assert record.figures == [("hog: exercises that lost points", "relu (memory)")]
    assert record.code == 0
    endings.record_statuses(
        record, "hog", "memory", [exercise("relu", 0.0, "memory"), exercise("mlp", 1.0, "memory")]
    )
    endings.record_statuses(record, "hog", "memory", [exercise("relu", 0.0, "timeout")])
    endings.record_statuses(record, "hog", "memory", [exercise("relu")])
    assert len(record.problems) == 3


GRADED = '{"results": [{"status": "graded", "exercises": [{"id": "relu", "score": 0, "max_score": 2, "status": "memory"}]}]}'


def program(source: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen([sys.executable, "-c", source])


def test_a_submission_that_is_killed_has_memory_before_during_and_after(
    record: Record, tmp_path: Path
) -> None:
    json = tmp_path / "too_much.json"
    card = StubCard((100, {}), (2300, {}), (100, {}))
    start = f"import pathlib, time; time.sleep(1); pathlib.Path({str(json)!r}).write_text({GRADED!r})"
    endings.measure_submission(record, card, lambda: program(start), json, "memory")
    assert record.figures[0] == ("too much: exercises that lost points", "relu (memory)")
    what, value = record.figures[1]
    assert what == "too much: card before, at its fullest, after"
    assert value.startswith("100 MiB, 2,300 MiB, 100 MiB (freed after")
    assert record.problems == []


def test_memory_that_stays_is_a_problem(
    record: Record, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    waited = Watch.freed_after
    monkeypatch.setattr(Watch, "freed_after", lambda self: waited(self, 0.1))
    card = StubCard((100, {}), (2300, {}), (1100, {}))
    endings.measure_submission(record, card, lambda: program("pass"), tmp_path / "hang.json", "timeout")
    assert record.problems == [
        "hang: it was not graded (exit code 0)",
        "hang: 1,000 MiB of the card were not freed",
    ]


def test_a_grader_is_killed_once_its_submission_holds_memory(record: Record) -> None:
    process = program("import time; time.sleep(600)")
    card = StubCard((100, {}), (100, {}), (900, {}), (900, {}), (900, {}), (900, {}), (900, {}), (100, {}))
    endings.measure_killed_grader(record, card, lambda: process)
    assert process.returncode == -9
    assert record.figures[0][0] == "grader killed: card before, at its fullest, after"
    assert record.problems == []


def test_a_submission_that_never_came_to_the_card_is_a_problem(record: Record) -> None:
    endings.measure_killed_grader(record, StubCard((100, {})), lambda: program("pass"))
    assert record.problems == ["grader killed: the submission never held memory on the card"]


def test_a_command_is_repeated_and_kept(capsys: pytest.CaptureFixture[str]) -> None:
    said = "import sys; print('one'); print('two', file=sys.stderr); sys.exit(3)"
    done = run([sys.executable, "-c", said])
    assert (done.code, done.stdout, done.stderr, done.why) == (3, "one\n", "two\n", "two")
    assert {"one", "two", "exit code 3"} <= set(capsys.readouterr().out.splitlines())


def test_a_record_survives_its_program(record: Record) -> None:
    record.figure("a", "1")
    record.problem("b")
    again = read_record(record.file)
    assert (again.figures, again.problems, again.code) == ([("a", "1")], ["b"], 1)
    assert read_record(record.file.with_name("none.json")).figures == []
    assert results_in(record.file.with_name("none.json"), "results") is None
