"""The bookkeeping of `make gpu`, with programs that stand in for its parts."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
import time
import tomllib
from pathlib import Path

import pytest

from tests.engine.gpu import machine, run
from tests.engine.gpu.figures import BEGIN, END
from tests.engine.gpu.record import Record
from tests.engine.gpu.run import Outcome, Part, report, run_part, run_parts

HERE = Path(__file__).parent
CARD: dict[str, object] = {
    "name": "Stub 9000", "total": 80 << 30, "free": 79 << 30, "driver": "1.2", "torch": "9.9", "cuda": "13.0",
    "uuid": "",
}  # fmt: skip
MEASURES = """
import sys
from pathlib import Path
from tests.engine.gpu.record import Record
record = Record(Path(sys.argv[1]) / "{name}.json")
record.figure("samples", "7")
{then}
"""
LONG = 600.0


def part(name: str, then: str = "", seconds: float = LONG, needs: tuple[str, ...] = ()) -> Part:
    return Part(name, seconds, ("-c", MEASURES.format(name=name, then=then)), needs)


def test_a_part_that_measured_and_found_nothing_wrong_has_passed(tmp_path: Path) -> None:
    outcome = run_part(part("good"), tmp_path, LONG)
    assert (outcome.passed, outcome.record.figures) == (True, [("samples", "7")])
    assert outcome.result.startswith("passed in")


def test_problems_and_crashes_and_silence_are_failures(tmp_path: Path) -> None:
    wrong = run_part(part("wrong", "record.problem('2 differ'); sys.exit(record.code)"), tmp_path, LONG)
    crash = run_part(part("crash", "raise KeyError('lost')"), tmp_path, LONG)
    silent = run_part(Part("silent", LONG, ("-c", "pass"), ()), tmp_path, LONG)
    assert not (wrong.passed or crash.passed or silent.passed)
    assert ("wrong", "problem", "2 differ") in wrong.rows()
    assert "exit code 1: KeyError: 'lost'" in crash.result
    assert "it measured nothing" in silent.result
    assert crash.record.figures == [("samples", "7")]


class Impatient(subprocess.Popen[bytes]):
    """A process whose time is over as soon as it has written the file `ready`."""

    ready: Path

    def wait(self, timeout: float | None = None) -> int:
        while timeout is not None:
            if self.ready.exists():
                raise subprocess.TimeoutExpired(self.args, timeout)
            time.sleep(0.02)
        return super().wait()


def test_a_part_over_its_time_is_ended_with_all_that_it_started_and_keeps_its_figures(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    then = (
        "import os, subprocess, time\n"
        "child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)'],"
        " start_new_session=True)\n"
        "record.figure('more', '8')\n"
        "folder = Path(sys.argv[1])\n"
        "(folder / 'child').write_text(str(child.pid))\n"
        "(folder / 'child').rename(folder / 'ready')\n"
        "time.sleep(600)"
    )
    Impatient.ready = tmp_path / "ready"
    monkeypatch.setattr(subprocess, "Popen", Impatient)
    monkeypatch.setattr(machine, "missing", lambda modules: [])
    outcome = run_part(part("slow", then), tmp_path, LONG)
    assert not outcome.passed
    assert outcome.result.endswith("out of time")
    assert outcome.record.figures == [("samples", "7"), ("more", "8")]
    child = int(Impatient.ready.read_text())
    while _running(child):
        time.sleep(0.02)


def _running(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state != "Z"


def test_a_part_without_its_packages_does_not_run_and_says_what_to_install(tmp_path: Path) -> None:
    outcome = run_part(part("lacking", needs=("json", "pynvml_of_nobody", "torch_of_nobody")), tmp_path, LONG)
    assert outcome.result == "not run: this Python lacks pynvml_of_nobody torch_of_nobody"
    assert not (tmp_path / "lacking.log").exists()
    assert machine.to_install(["pynvml", "msgspec"]) == "nvidia-ml-py msgspec"


def test_packages_that_only_pythonpath_names_count_as_missing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "carried_along.py").touch()
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    assert machine.missing(["json", "carried_along"]) == ["carried_along"]


def test_one_part_does_not_hide_the_others(tmp_path: Path) -> None:
    parts = [
        part("first", "raise OSError('gone')"),
        part("second"),
        part("third", "sys.exit(3)"),
        part("last"),
    ]
    outcomes = run_parts(parts, tmp_path, total=10 * LONG)
    assert [outcome.passed for outcome in outcomes] == [False, True, False, True]


def test_what_a_part_leaves_over_goes_to_the_next(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    given: list[float] = []

    def quick(each: Part, folder: Path, seconds: float) -> Outcome:
        given.append(seconds)
        return Outcome(each, True, "passed", Record(folder / "none.json"))

    monkeypatch.setattr(run, "run_part", quick)
    run_parts([part("a", seconds=1000.0), part("b", seconds=2000.0)], tmp_path, total=3000.0)
    assert given[0] == pytest.approx(1000.0, abs=100)
    assert given[1] == pytest.approx(3000.0, abs=100)


def test_the_real_parts_fit_into_six_minutes_and_can_be_found() -> None:
    assert sum(each.seconds for each in run.PARTS) <= run.TOTAL_SECONDS < 360
    for each in run.PARTS:
        assert each.argv[0] == "-m"
        assert (HERE / f"{each.argv[1].rpartition('.')[2]}.py").is_file()


def outcomes_in(folder: Path) -> list[Outcome]:
    good = Record(folder / "good.json", [("false accepts", "0"), ("false rejects", "0")])
    bad = Record(folder / "bad.json", [("compared", "29 submissions")], ["ada: 1 | 2 points"])
    return [
        Outcome(part("check"), True, "passed in 80 s", good),
        Outcome(part("class"), False, "failed in 60 s", bad),
        Outcome(part("endings"), False, "not run: this Python lacks msgspec", Record(folder / "none.json")),
    ]


def a_page(folder: Path) -> Path:
    page = folder / "gpu.md"
    page.write_text(f"# GPU\n\n{BEGIN}\nNo run yet.\n{END}\n\nMore.\n")
    return page


def test_one_table_is_printed_and_written(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    page = a_page(tmp_path)
    assert report(CARD, outcomes_in(tmp_path), page) == 1
    table = capsys.readouterr().out
    assert page.read_text() == f"# GPU\n\n{BEGIN}\n\n{table}\n{END}\n\nMore.\n"
    assert len({len(line) for line in table.splitlines()}) == 1
    for words in (
        "Stub 9000, 80.0 GiB", "9.9, CUDA 13.0", "1.2", "passed in 80 s", "not run: this Python lacks msgspec",
        "1 \\| 2 points",
    ):  # fmt: skip
        assert words in table


def test_all_passed_is_exit_code_0(tmp_path: Path) -> None:
    assert report(CARD, outcomes_in(tmp_path)[:1], a_page(tmp_path)) == 0


def test_a_page_is_left_as_it_is_if_nothing_was_measured_or_its_markers_are_gone(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    page = a_page(tmp_path)
    before = page.read_bytes()
    assert report(CARD, outcomes_in(tmp_path)[2:], page) == 1
    assert page.read_bytes() == before
    page.write_text("# GPU\n")
    assert report(CARD, outcomes_in(tmp_path), page) == 1
    assert page.read_text() == "# GPU\n"
    assert "must hold the lines" in capsys.readouterr().err


def test_without_a_gpu_there_is_one_sentence_and_exit_code_2(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    page = a_page(tmp_path)
    before = page.read_bytes()
    monkeypatch.setattr(run, "PAGE", page)
    find = machine.find_card
    monkeypatch.setattr(machine, "find_card", lambda: find("raise RuntimeError('Found no NVIDIA driver')"))
    assert run.main([]) == 2
    out, err = capsys.readouterr()
    assert (out, page.read_bytes()) == ("", before)
    assert err == (
        "gpu: no GPU can be used here (RuntimeError: Found no NVIDIA driver): run make gpu on a machine that"
        " has one.\n"
    )


def test_other_reasons_why_there_is_nothing_to_run_on() -> None:
    with pytest.raises(machine.NoMachine, match="has no PyTorch: name a Python that has it"):
        machine.find_card(
            "import torch" if _lacks_torch() else "raise ImportError(\"No module named 'torch'\")"
        )
    with pytest.raises(machine.NoMachine, match="did not answer within 1 s"):
        machine.find_card("import time; time.sleep(600)", seconds=1.0)
    with pytest.raises(
        machine.NoMachine, match="Python 3.11 or newer is needed and .* is 3.10.4: name another"
    ):
        machine.refuse_old_python((3, 10, 4))
    machine.refuse_old_python((3, 13, 0))
    with pytest.raises(machine.NoMachine, match="there is no part 'chek'"):
        run.chosen(["chek"])


def _lacks_torch() -> bool:
    return bool(machine.missing(["torch"]))


def test_what_the_probe_prints_is_the_card() -> None:
    probe = 'print(\'a warning\'); print(\'{"name": "Stub", "free": 5}\')'
    assert machine.find_card(probe) == {"name": "Stub", "free": 5}


@pytest.mark.parametrize("name", ["run", "machine", "figures", "processes", "record"])
def test_an_old_python_can_read_what_tells_it_that_it_is_old(name: str) -> None:
    """No syntax, and nothing from the standard library, that Python 3.8 does not have."""
    tree = ast.parse((HERE / f"{name}.py").read_text(), feature_version=(3, 8))
    modules = {node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) and node.module}
    modules |= {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    others = {name.partition(".")[0] for name in modules} - sys.stdlib_module_names
    assert others <= {"tests", "autograder"}
    assert "collections.abc" not in modules


OTHERS = ("nbgrader", "nbconvert", "sqlalchemy", "alembic", "nh3", "tornado")
IMPORTS = f"""
import importlib, sys
for name in {OTHERS}:
    sys.modules[name] = None
import autograder.authoring.check.command, autograder.cli, autograder.demo.folder, autograder.demo.sample_class
import autograder.pipeline, autograder.workers.worker
import autograder.student.forkserver, autograder.student.preload as preload
for name in preload.PRELOAD:
    importlib.import_module(name)
"""


@pytest.mark.slow
def test_what_is_no_need_of_the_parts_is_not_imported_by_their_commands() -> None:
    """A machine with a GPU may lack nbgrader and its database: the parts still run."""
    line = [sys.executable, "-c", IMPORTS]
    done = subprocess.run(line, env=machine.environment(), capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    declared = tomllib.loads((machine.ROOT / "pyproject.toml").read_text())["project"]["dependencies"]
    modules = {package: name for name, package in machine.PACKAGES.items()}
    assert {modules.get(name, name) for name in declared} == {*machine.ENGINE, *OTHERS}


def test_the_package_comes_from_this_source_tree(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", "/elsewhere")
    assert machine.environment()["PYTHONPATH"].split(os.pathsep) == [str(machine.ROOT), "/elsewhere"]
