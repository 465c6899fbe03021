"""Files beside the notebook, and modules that it writes itself: there as in Jupyter, in every kind of process."""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from dataclasses import replace

import pytest

from autograder.core.records import SubmittedFile
from autograder.process.choose_launcher import launcher_for
from autograder.process.launcher import PART_BYTES, Launcher, LauncherError
from autograder.sandbox.capabilities import Capabilities
from autograder.sandbox.launch import probe
from tests.engine.process.cells import LIMITS, run, text

FILES = {
    "helper.py": b"import lib.deep\ndef twice(x):\n    return lib.deep.FACTOR * x\n",
    "my_data.csv": b"1,2\n3,4\n",
    "lib/__init__.py": b"",
    "lib/deep.py": b"FACTOR = 2\n",
    "data/extra.csv": b"extra",
    "data/more/extra.csv": b"more",
    "data/given.csv": b"a student's own",
    "note.txt": b"a student's own",
    "\u00dcbung 1.txt": "ü".encode(),
    "empty": b"",
}


@pytest.fixture(
    scope="module", params=["sandbox", "no namespaces", pytest.param("spawn", marks=pytest.mark.slow)]
)
def launcher(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Launcher]:
    """A launcher whose materials are data/given.csv, data/more/given.csv and note.txt."""
    folder = tmp_path_factory.mktemp("materials")
    (folder / "data/more").mkdir(parents=True)
    for name in ("data/given.csv", "data/more/given.csv", "note.txt"):
        (folder / name).write_text(f"released {name}")
    capabilities = {
        "sandbox": probe(), "no namespaces": replace(probe().without_namespaces(), uids=False), "spawn": Capabilities()
    }[request.param]  # fmt: skip
    materials = [folder / "data", folder / "note.txt"]
    with launcher_for(LIMITS, capabilities=capabilities, materials=materials) as launcher:
        yield launcher
    assert (folder / "data/given.csv").read_text() == "released data/given.csv"


@pytest.fixture
def beside(launcher: Launcher) -> Iterator[Launcher]:
    launcher.files = [SubmittedFile(path, data) for path, data in FILES.items()]
    yield launcher
    launcher.files = ()


def test_helpers_and_data_are_there(beside: Launcher) -> None:
    cells = run(
        beside,
        "from helper import twice\nprint(twice(4))",
        "import numpy as np\nprint(np.loadtxt('my_data.csv', delimiter=',').sum())",
        "print(open('\u00dcbung 1.txt').read(), repr(open('empty').read()))",
        "import os; print(sorted(x for x in os.listdir('lib') + os.listdir('data')))",
        "%run helper.py\nprint(twice(5))",
    )
    assert [text(cell) for cell in cells] == [
        "8\n",
        "10.0\n",
        "ü ''\n",
        "['__init__.py', 'deep.py', 'extra.csv', 'given.csv', 'more']\n",
        "10\n",
    ]


def test_the_released_files_win_and_others_join_them(beside: Launcher) -> None:
    cells = run(
        beside,
        "print(open('data/given.csv').read(), open('data/more/given.csv').read(), open('note.txt').read())",
        "print(open('data/extra.csv').read(), open('data/more/extra.csv').read())",
        "import os; print(sorted(os.listdir('data')), sorted(os.listdir('data/more')))",
    )
    assert [text(cell) for cell in cells] == [
        "released data/given.csv released data/more/given.csv released note.txt\n",
        "extra more\n",
        "['extra.csv', 'given.csv', 'more'] ['extra.csv', 'given.csv']\n",
    ]


def test_what_a_notebook_does_to_its_copies_stays_in_its_process(beside: Launcher) -> None:
    """A folder is often handed in with what the notebook wrote when it ran: it writes it again."""
    again = "%%writefile helper.py\ndef twice(x):\n    return 3 * x"
    write = "import torch; torch.save([1], 'my_data.csv'); open('data/extra.csv', 'a').close()"
    for _ in range(2):
        *cells, last = run(
            beside,
            "print(open('my_data.csv').read(3))",
            write,
            again,
            "import helper; print(helper.twice(2))",
        )
        assert text(cells[0]) == "1,2\n"
        assert [x.kind for cell in cells for x in cell.outputs] == ["stream"] * 2
        assert text(last) == "6\n"


def test_a_large_file_arrives_whole(launcher: Launcher) -> None:
    data = bytes(range(256)) * (PART_BYTES // 256 * 2) + b"end"
    launcher.files = [SubmittedFile("large.bin", data)]
    try:
        (cell,) = run(launcher, "import zlib; print(zlib.crc32(open('large.bin', 'rb').read()))")
    finally:
        launcher.files = ()
    assert text(cell) == f"{zlib.crc32(data)}\n"


def test_the_next_submission_has_none_of_them(launcher: Launcher) -> None:
    (cell,) = run(
        launcher, "import os; print({'helper.py', 'lib', 'data', 'note.txt'} & set(os.listdir('.')))"
    )
    assert text(cell) in ("{'data', 'note.txt'}\n", "{'note.txt', 'data'}\n")


def test_a_module_that_the_notebook_writes_can_be_imported_at_once(launcher: Launcher) -> None:
    """Cells follow each other within the resolution of a folder's time stamp, which Python's import relies on."""
    cells = []
    for number in range(12):
        cells += [
            f"%%writefile mysol{number}.py\nANSWER = {number}",
            f"import mysol{number}; print(mysol{number}.ANSWER)",
        ]
    assert [text(cell) for cell in run(launcher, *cells)[1::2]] == [f"{number}\n" for number in range(12)]


def test_what_probes_import_is_there(launcher: Launcher) -> None:
    """Also where the package's folder cannot be listed, and after a cell, which lets Python look again."""
    find = "import importlib; importlib.invalidate_caches(); import autograder.fake_device"
    cells = run(launcher, "import colorsys", find, "print(autograder.fake_device.attempt.__module__)")
    assert text(cells[-1]) == "autograder.student.fake_device\n"


def test_the_folder_on_the_path_is_the_current_one(launcher: Launcher) -> None:
    cells = run(
        launcher,
        "import os, sys; os.makedirs('sub'); open('sub/inner.py', 'w').write('X = 1'); print(repr(sys.path[0]))",
        "os.chdir('sub')\nimport inner; print(inner.X)",
        "os.chdir('..')\nos.makedirs('gone'); os.chdir('gone'); os.rmdir('../gone')",
        "import fractions; print('still here')",
    )
    assert [text(cell) for cell in cells] == ["''\n", "1\n", "", "still here\n"]


def test_files_that_do_not_fit_are_no_fault_of_the_student(launcher: Launcher) -> None:
    """Intake leaves out what does not fit, so this is an internal error, and says what happened."""
    launcher.files = [SubmittedFile("../outside", b"x")]
    with pytest.raises(LauncherError, match=r"\.\./outside leads outside the folder"):
        run(launcher, "1")
    launcher.files = ()
    assert text(run(launcher, "print('next')")[0]) == "next\n"
