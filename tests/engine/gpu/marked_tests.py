"""The tests marked `gpu`, run by pytest.

python -m tests.engine.gpu.marked_tests FOLDER
"""

from __future__ import annotations

import sys
import xml.etree.ElementTree as ElementTree
from pathlib import Path

from tests.engine.gpu.commands import run
from tests.engine.gpu.machine import ROOT
from tests.engine.gpu.record import Record

MARK = "mark.gpu"
NO_TESTS = 5
SHOWN = 5


def files_with_marks(tests: Path) -> list[Path]:
    """The test files that name the mark: the others need packages that this machine may not have."""
    found = sorted(tests.rglob("test_*.py"))
    return [file for file in found if MARK in file.read_text(encoding="utf-8")]


def record_tests(record: Record, report: Path, code: int) -> None:
    """Count the outcomes in pytest's XML report and name what failed. A test that was skipped is a problem:
    here is a card."""
    cases = list(ElementTree.parse(report).iter("testcase")) if report.exists() else []
    failed = [x for x in cases if x.find("failure") is not None or x.find("error") is not None]
    skipped = [x for x in cases if x.find("skipped") is not None and x not in failed]
    passed = len(cases) - len(failed) - len(skipped)
    record.figure("tests", f"{passed} passed, {len(failed)} failed, {len(skipped)} skipped")
    for what, found in (("failed", failed), ("skipped", skipped)):
        for case in found[:SHOWN]:
            record.problem(f"{what}: {case.get('classname', '')}.{case.get('name')}".replace(": .", ": "))
        if found[SHOWN:]:
            record.problem(f"and {len(found) - SHOWN} more {what}")
    if not cases:
        record.problem("no test is marked gpu" if code == NO_TESTS else f"pytest ended with exit code {code}")
    elif code and not failed:
        record.problem(f"pytest ended with exit code {code}")


def measure(record: Record, folder: Path, tests: Path) -> None:
    """Run them one at a time: some of them fill the card."""
    files = files_with_marks(tests)
    if not files:
        record.problem("no test is marked gpu")
        return
    report = folder / "tests.xml"
    options = ["-v", "-m", "gpu", "-p", "no:cacheprovider", "--continue-on-collection-errors"]
    line = [sys.executable, "-m", "pytest", *options, f"--junitxml={report}", *map(str, files)]
    record_tests(record, report, run(line).code)


def main() -> int:
    folder = Path(sys.argv[1])
    record = Record(folder / "tests.json")
    measure(record, folder, ROOT / "tests")
    return record.code


if __name__ == "__main__":
    sys.exit(main())
