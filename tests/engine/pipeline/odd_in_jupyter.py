"""Are the solutions of the odd class right? Run its notebooks in a Jupyter kernel.

    python -m tests.engine.pipeline.odd_in_jupyter [STUDENT...]

Prints a line per student, with the exercises whose visible example did not pass; the exit code is 1 if there are
others than those that the class names. Leaves out what needs Colab, a missing package or a screen. The kernels share
this environment, so pip is told to install nothing.
"""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path

import nbformat
from nbclient import NotebookClient

from tests.engine.pipeline.odd_class import copy_course, submission_of
from tests.engine.pipeline.odd_students import STUDENTS


def failed_examples(folder: Path) -> list[str]:
    """Run the notebooks of a folder there, and name the exercises whose visible example passes in none."""
    printed, wanted = "", set()
    for path in sorted(folder.iterdir()):
        if path.suffix.lower() != ".ipynb" or path.name.startswith("."):
            continue
        notebook = nbformat.reads(path.read_text("utf-8-sig"), as_version=4)
        options = {"allow_errors": True, "timeout": 600, "kernel_name": "python3"}
        NotebookClient(notebook, resources={"metadata": {"path": str(folder)}}, **options).execute()
        printed += "\n".join(x.get("text", "") for cell in notebook.cells for x in cell.get("outputs", []))
        names = [x.metadata.get("nbgrader", {}) for x in notebook.cells if x.cell_type == "code"]
        wanted |= {x["grade_id"] for x in names if x.get("grade")}
    return sorted(x for x in wanted if f"{x}: the visible examples pass" not in printed)


def main() -> None:
    path = os.pathsep.join([os.path.dirname(sys.executable), os.environ["PATH"]])  # as activated
    os.environ |= {"PIP_DRY_RUN": "1", "PIP_NO_INDEX": "1", "PATH": path}
    surprises = 0
    with tempfile.TemporaryDirectory() as root:
        course = copy_course(Path(root) / "course")
        for name in sys.argv[1:] or [x.name for x in STUDENTS.values() if not x.needs]:
            folder = Path(root) / name / "module6"
            submission_of(course, STUDENTS[name]).save(folder)
            (folder / "data").symlink_to(course.release / "data")
            failed = failed_examples(folder)
            surprises += set(failed) != set(STUDENTS[name].fails_in_jupyter)
            print(name, failed, flush=True)
    sys.exit(bool(surprises))


if __name__ == "__main__":
    main()
