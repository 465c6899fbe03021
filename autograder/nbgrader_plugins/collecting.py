"""How files unpacked by `nbgrader zip_collect` are named. nbgrader_config.py imports this: it is quick."""

from __future__ import annotations

import os
import re
from pathlib import Path


def collect_pattern(root: Path) -> str:
    """The regular expression that finds student and file in the path of an unpacked file.

    Below `downloaded/<assignment>/extracted/`, it accepts a file in a student's folder, however deep, and
    `<student>_<notebook>.ipynb`, where `<notebook>` is a notebook of this course or begins like one: ids may
    contain underscores, and so may the names of notebooks. Hidden files and macOS's are left out.
    """
    names = sorted({path.stem for path in root.glob("source/*/*.ipynb")}, key=len, reverse=True)
    notebook = f"(?i:{'|'.join(map(re.escape, names)) or '(?!)'})"
    slash = re.escape(os.sep)
    part = f"[^{slash}]"
    in_folder = rf"(?:_{notebook}{part}*)?{slash}(?:(?!\.|__MACOSX{slash}){part}+{slash})*"
    return (
        rf".*?{slash}downloaded{slash}{part}+{slash}extracted{slash}"
        rf"(?P<student_id>(?!\.|__MACOSX){part}+?)"
        rf"(?:_(?={notebook}{part}*$)|{in_folder})"
        rf"(?P<file_id>(?!\.){part}+)$"
    )
