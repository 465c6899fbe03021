"""The command line: exit codes, the exact results file, and never a traceback."""

from __future__ import annotations

import json
import math
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, get_args

import pytest

from autograder import cli, pipeline
from autograder.core.records import ExerciseStatus, GradeJob, JobResult
from autograder.course.course import Course
from autograder.workers.worker_process import WorkerProcess
from tests.engine.support.scratch_course import SharedPool, edited, solved

PART = "part1_neurons"
RESULT = "path student notebook status message score max_score seconds exercises".split()
EXERCISE = "id score max_score status checks diagnosis".split()
CHECK = "name passed weight message hint".split()
Outcome = tuple[int, str, str]
"""Exit code, stdout, stderr."""


@pytest.fixture
def run_cli(
    scratch: Course,
    scratch_worker: WorkerProcess,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Callable[..., Outcome]:
    """Run a command in this process, with the shared worker."""

    class Shared(SharedPool):
        worker = scratch_worker

    monkeypatch.setattr(pipeline, "Pool", Shared)

    def run(*words: object) -> Outcome:
        course = [] if "--course" in words else ["--course", str(scratch.root)]
        monkeypatch.setattr(sys, "argv", ["autograder", *map(str, words), *course])
        capsys.readouterr()
        with pytest.raises(SystemExit) as end:
            cli.main()
        printed = capsys.readouterr()
        assert "Traceback" not in printed.out + printed.err
        assert "\x1b" not in printed.out + printed.err
        return int(end.value.code or 0), printed.out, printed.err

    return run


@pytest.fixture
def notebook(scratch: Course, tmp_path: Path) -> Callable[..., Path]:
    def write(*exercises: str, name: str = f"{PART}.ipynb") -> Path:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(solved(scratch, PART, *exercises)))
        return path

    return write


def results(path: Path) -> dict[str, Any]:
    """The results file, read as strict JSON."""

    def refuse(name: str) -> float:
        raise AssertionError(f"{name} is not valid JSON")

    found: dict[str, Any] = json.loads(path.read_bytes().decode("utf-8"), parse_constant=refuse)
    return found


def assert_documented(data: dict[str, Any]) -> None:
    """Exactly the keys and types that docs/instructors.md names."""
    assert sorted(data) == ["assignment", "device", "results", "schema"]
    assert (data["schema"], data["assignment"], data["device"]) == (1, "module6", "cpu")
    for result in data["results"]:
        assert sorted(result) == sorted(RESULT)
        assert result["status"] in ("graded", "unreadable", "failed")
        assert (result["message"] is None) == (result["status"] == "graded")
        assert (result["score"] is None) == (result["status"] != "graded")
        assert isinstance(result["path"], str) and isinstance(result["notebook"], str)
        assert math.isfinite((result["score"] or 0) + result["max_score"] + result["seconds"])
        for exercise in result["exercises"]:
            assert sorted(exercise) == sorted(EXERCISE)
            assert exercise["status"] in get_args(ExerciseStatus)
            assert exercise["score"] is None or 0 <= exercise["score"] <= exercise["max_score"]
            assert (exercise["status"] == "manual") == (not exercise["checks"])
            for check in exercise["checks"]:
                assert sorted(check) == sorted(CHECK)
                assert check["passed"] in (True, False, None)
                assert check["weight"] > 0
                assert isinstance(check["message"], str)
                assert check["hint"] is None or isinstance(check["hint"], str)
            assert exercise["diagnosis"] is None or sorted(exercise["diagnosis"]) == ["chaff", "message"]


def test_graded_file_and_its_results(
    run_cli: Callable[..., Outcome], notebook: Callable[..., Path], scratch: Course, tmp_path: Path
) -> None:
    file = tmp_path / "out.json"
    path = notebook("count_params", "gradient_flow")
    code, out, err = run_cli("run", path, "--json", file)
    assert code == 0
    assert "5/24" in out and "count_params" in out
    assert "graded 1 of 1" in err
    data = results(file)
    assert_documented(data)
    (result,) = data["results"]
    assert (result["path"], result["student"], result["notebook"]) == (str(path), None, PART)
    assert (result["status"], result["score"]) == ("graded", 5.0)
    ids = [x.id for x in scratch.exercises.values() if x.notebook == PART]
    assert [x["id"] for x in result["exercises"]] == ids
    by_id = {x["id"]: x for x in result["exercises"]}
    assert (by_id["count_params"]["status"], by_id["count_params"]["score"]) == ("passed", 3.0)
    assert (by_id["reflection_1"]["status"], by_id["reflection_1"]["score"]) == ("manual", 0.0)
    automatic = [x["max_score"] for x in by_id.values() if x["status"] != "manual"]
    assert result["max_score"] == sum(automatic)


def test_bad_files_are_named_and_the_others_graded(
    run_cli: Callable[..., Outcome], notebook: Callable[..., Path], tmp_path: Path
) -> None:
    (tmp_path / "bad").mkdir()
    broken = tmp_path / "bad" / f"{PART}.ipynb"
    broken.write_text("{")
    named = tmp_path / "[b]mine[red] :smile:\x1b[31m.ipynb"
    named.write_text('{"cells": []}')
    missing = tmp_path / "no" / f"{PART}.ipynb"
    file = tmp_path / "out.json"
    good = notebook("count_params")
    code, out, err = run_cli("run", broken, named, missing, good, tmp_path, "--json", file)
    assert code == 1
    data = results(file)
    assert_documented(data)
    statuses = [result["status"] for result in data["results"]]
    assert statuses == ["unreadable"] * 3 + ["graded", "unreadable"]
    assert data["results"][3]["score"] == 3.0
    errors = [line for line in err.splitlines() if line.startswith("autograder: ")]
    assert len(errors) == 4
    assert "[b]mine[red] :smile:" in err
    assert [("--notebook" in line) for line in errors] == [False, True, False, False]
    assert out.count("unreadable") == 4


def test_option_names_the_notebook(
    run_cli: Callable[..., Outcome], notebook: Callable[..., Path], tmp_path: Path
) -> None:
    path = notebook("count_params", name="[red] hand-in (2).ipynb")
    file = tmp_path / "out.json"
    code, out, _ = run_cli("run", path, "--notebook", PART, "--json", file, "--seed", 5)
    assert (code, results(file)["results"][0]["score"]) == (0, 3.0)
    assert "[red]hand-in(2).ipynb" in "".join(out.split())  # long paths are wrapped
    code, _, err = run_cli("run", path, "--notebook", "part9")
    assert code != 0
    assert "part9" in err and len(err.splitlines()) == 1


def test_files_beside_the_notebook_are_named_with_an_option(
    run_cli: Callable[..., Outcome], scratch: Course, tmp_path: Path
) -> None:
    """What else lies in the notebook's folder may belong to somebody else."""
    source = "from helper import count_params\nfrom lib.data import FACTOR"
    content = edited(scratch, PART, lambda name, old: source if name == "count_params_solution" else old)
    path, file = tmp_path / f"{PART}.ipynb", tmp_path / "r.json"
    path.write_text(json.dumps(content))
    helper, lib = tmp_path / "helper.py", tmp_path / "elsewhere" / "lib"
    helper.write_text(scratch.cell("count_params_solution").source)
    lib.mkdir(parents=True)
    (lib / "data.py").write_text("FACTOR = 2")

    def score(*options: object) -> float | None:
        assert run_cli("run", path, "--json", file, *options)[0] == 0
        found: float | None = results(file)["results"][0]["score"]
        return found

    assert score() == 0
    assert score("--with", helper, "--with", lib) == 3
    code, out, err = run_cli("run", path, "--with", tmp_path / "nope.py")
    assert (code, out, err) == (
        1,
        "",
        f"autograder: {tmp_path / 'nope.py'} does not exist: correct --with.\n",
    )
    code, _, err = run_cli("run", path, "--with", scratch.root / "tests")
    assert (code, len(err.splitlines())) == (1, 1)
    assert "must not see" in err


def test_internal_error_fails_without_a_score(
    run_cli: Callable[..., Outcome],
    notebook: Callable[..., Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    class Faulty(SharedPool):
        def run(self, jobs: Any) -> Any:
            for tag, _ in jobs:
                yield tag, JobResult(internal_errors=["count_params, test_deep_net: KeyError: 'x'"])

    monkeypatch.setattr(pipeline, "Pool", Faulty)
    file = tmp_path / "out.json"
    code, out, err = run_cli("run", notebook("count_params"), "--json", file)
    assert code == 1
    data = results(file)
    assert_documented(data)
    (result,) = data["results"]
    assert (result["status"], result["score"]) == ("failed", None)
    assert "count_params, test_deep_net: KeyError" in err
    assert "failed" in out


@pytest.mark.parametrize(
    "words",
    [
        ["nonsense"],
        ["run"],
        ["run", "x.ipynb", "--device", "tpu"],
        ["run", "x.ipynb", "--seed", "many"],
        ["grade", "--jobs", "-1"],
        ["grade", "--jobs"],
        ["grade", "module6", "module7"],
        ["check", "--seeds", "0"],
    ],
    ids=" ".join,
)
def test_wrong_usage_exits_with_2(run_cli: Callable[..., Outcome], words: list[str]) -> None:
    code, out, err = run_cli(*words)
    assert code == 2
    assert out == ""
    assert "Usage" in err or "Error" in err


def test_problems_with_the_course_are_one_sentence(
    run_cli: Callable[..., Outcome], notebook: Callable[..., Path], tmp_path: Path
) -> None:
    for words in (
        ["grade", "--course", tmp_path],
        ["grade", "module9"],
        ["grade"],
        ["run", notebook("count_params"), "--json", tmp_path / "no" / "folder.json"],
        ["check", "no_such_exercise"],
    ):
        code, _, err = run_cli(*words)
        assert code in (1, 2), words
        errors = [line for line in err.splitlines() if line.startswith("autograder: ")]
        assert len(errors) == 1, (words, err)
        assert errors[0] == err.splitlines()[-1]


def test_student_cannot_crash_the_table(
    run_cli: Callable[..., Outcome], scratch: Course, tmp_path: Path
) -> None:
    """A student may return or raise text that a terminal or rich would interpret."""
    odd = "[/red] [link=x]\\x1b[31m \\ud83d :smile: \\r\\n {0} %s"
    bodies = {
        "count_params_solution": f"def count_params(*a, **k): return '{odd}'",
        "gradient_flow_solution": f"def gradient_flow(*a): raise ValueError('{odd}')",
    }
    data = edited(scratch, PART, lambda name, released: bodies.get(name, released))
    path = tmp_path / f"{PART}.ipynb"
    path.write_text(json.dumps(data))
    file = tmp_path / "out.json"
    code, _, _ = run_cli("run", path, "--json", file)
    assert code == 0
    assert_documented(results(file))


def test_real_run_outside_a_terminal(scratch: Course, tmp_path: Path) -> None:
    """A real process, a real pool and real pipes."""
    path = tmp_path / f"{PART}.ipynb"
    path.write_text(json.dumps(solved(scratch, PART, "count_params")))
    file = tmp_path / "out.json"
    done = subprocess.run(
        [sys.executable, "-m", "autograder", "run", path, "--json", file, "--course", scratch.root],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        env={**os.environ, "COLUMNS": "80", "FORCE_COLOR": ""},
        stdin=subprocess.DEVNULL,
    )
    assert done.returncode == 0, done.stderr
    assert "\x1b" not in done.stdout + done.stderr
    assert "sandbox: " in done.stderr and "sandbox" not in done.stdout
    data = results(file)
    assert_documented(data)
    assert [result["score"] for result in data["results"]] == [3.0]
    statuses = {x["id"]: x["status"] for x in data["results"][0]["exercises"]}
    assert statuses["collapse_linear"] == "missing"


def test_job_names_no_student(scratch: Course) -> None:
    """The worker gets cells, exercises and files, and nothing that names a student."""
    assert set(GradeJob.__struct_fields__) == {"cells", "exercises", "until_failure", "files", "alone"}
