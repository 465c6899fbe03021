"""Reading notebooks in any state gives a notebook that nbformat accepts, or one sentence."""

from __future__ import annotations

import json
import os
from contextlib import suppress
from pathlib import Path
from typing import Any

import nbformat
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from autograder.core.errors import Unreadable
from autograder.intake import notebook_file
from autograder.intake.notebook_file import read_notebook, tidy


def cell(source: Any = "x = 1", **more: Any) -> dict[str, Any]:
    return {"cell_type": "code", "source": source, **more}


def tidied(raw: dict[str, Any]) -> Any:
    return tidy({"cells": [raw]}, "p1.ipynb").cells[0]


def written(tmp_path: Path, data: bytes) -> Path:
    path = tmp_path / "p1.ipynb"
    path.write_bytes(data)
    return path


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"", "empty"),
        (b" \n\t", "empty"),
        (b'{"cells": [}', "invalid JSON at line 1"),
        (b'{\n"cells":\n', "invalid JSON at line 3"),
        (b"PK\x03\x04", "invalid JSON"),
        (b"\xff\xfe{\x00", "UTF-8"),
        (b"[" * 100_000, "invalid JSON"),
        (b'{"cells": ' + b"1" * 5000 + b"}", "invalid JSON"),
        (b"[]", "no cells"),
        (b"null", "no cells"),
        (b'"cells"', "no cells"),
        (b"{}", "no cells"),
        (b'{"cells": {}}', "no cells"),
        (b'{"cells": null}', "no cells"),
        (b'{"worksheets": {}}', "no cells"),
    ],
)
def test_file_that_is_not_a_notebook_is_refused_in_one_sentence(
    tmp_path: Path, data: bytes, why: str
) -> None:
    with pytest.raises(Unreadable, match=why) as caught:
        read_notebook(written(tmp_path, data))
    sentence = str(caught.value)
    assert sentence.startswith("p1.ipynb is ")
    assert sentence.endswith("submit it again.")
    assert "\n" not in sentence


def test_path_that_is_not_a_regular_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "endless.ipynb").symlink_to("/dev/zero")
    (tmp_path / "folder.ipynb").mkdir()
    os.mkfifo(tmp_path / "pipe.ipynb")
    for name in ("endless.ipynb", "folder.ipynb", "pipe.ipynb", "missing.ipynb"):
        with pytest.raises(Unreadable, match=name):
            read_notebook(tmp_path / name)


def test_huge_file_is_refused_unread(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = written(tmp_path, b"")
    os.truncate(path, notebook_file.MAX_BYTES + 1)  # sparse: takes no disk
    monkeypatch.setattr(Path, "read_bytes", lambda _: pytest.fail("it was read"))
    with pytest.raises(Unreadable, match="100 MiB"):
        read_notebook(path)


def test_too_many_cells_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(notebook_file, "MAX_CELLS", 20)
    assert len(tidy({"cells": [cell()] * 20}, "p1").cells) == 20
    with pytest.raises(Unreadable, match="21 cells, over the limit of 20"):
        tidy({"cells": [cell()] * 21}, "p1")


@pytest.mark.parametrize("start", [b"", b"\xef\xbb\xbf", b"\n \n"])
def test_byte_order_mark_and_leading_blanks_are_skipped(tmp_path: Path, start: bytes) -> None:
    path = written(tmp_path, start + json.dumps({"cells": [cell()]}).encode())
    assert read_notebook(path).cells[0].source == "x = 1"


@pytest.mark.parametrize(
    ("source", "text"),
    [
        ("a\r\nb\rc\n", "a\nb\nc\n"),
        (["a\r\n", "b"], "a\nb"),
        (["a\n", 1, None], "a\n1None"),
        ("a\0b", "ab"),
        (None, ""),
        ([], ""),
        (3, "3"),
        ("\ud83d", "?"),
        ("\U0001f600é", "\U0001f600é"),
    ],
)
def test_sources_become_text(source: Any, text: str) -> None:
    assert tidied(cell(source)).source == text


def test_surrogates_in_a_file(tmp_path: Path) -> None:
    path = written(tmp_path, rb'{"cells": [{"cell_type": "code", "source": "\ud83d\ude00 \ud83d"}]}')
    found = read_notebook(path)
    assert found.cells[0].source == "\U0001f600 ?"
    nbformat.writes(found).encode()


def test_format_3_is_converted() -> None:
    sheets = [{"cells": [{"cell_type": "code", "input": ["a = 1\n", "b = 2"]}, cell("c = 3")]}]
    found = tidy({"nbformat": 3, "worksheets": [*sheets, {"cells": [cell("d = 4")]}]}, "p1")
    assert [x.source for x in found.cells] == ["a = 1\nb = 2", "c = 3", "d = 4"]


@pytest.mark.parametrize(
    "sheet", [5, {"cells": 5}, {"cells": None}, {"cells": "ab"}, {"cells": {"a": 1}}, {}]
)
def test_broken_sheets_of_format_3_are_skipped(sheet: Any) -> None:
    found = tidy({"worksheets": [sheet, {"cells": [cell()]}]}, "p1")
    assert [x.source for x in found.cells] == ["x = 1"]


def test_missing_or_odd_metadata() -> None:
    odd: list[Any] = [None, [], "x"]
    odd += [{"nbgrader": None}, {"nbgrader": []}, {"nbgrader": "f"}, {"nbgrader": {}}]
    odd += [{"nbgrader": {"grade_id": 3}}, {"nbgrader": {"grade_id": ["f"]}}]
    for metadata in odd:
        assert "nbgrader" not in tidied(cell(metadata=metadata)).metadata
    assert tidied({}).cell_type == "raw"
    assert tidied(cell(metadata={"nbgrader": {"grade_id": "f"}})).metadata.nbgrader.grade_id == "f"


def test_deeply_nested_metadata_is_dropped() -> None:
    deep: Any = 1
    for _ in range(900):
        deep = [deep]
    found = tidied(cell(metadata={"nbgrader": {"grade_id": "f", "deep": deep}, "deep": deep}, outputs=deep))
    assert found.metadata == {"nbgrader": {"grade_id": "f"}}


def test_pasted_pictures_are_kept() -> None:
    pasted = {"image.png": {"image/png": ["aGk=\n", "aGk="]}}
    raw = {"cell_type": "markdown", "source": "![](attachment:image.png)", "attachments": pasted}
    assert tidied(raw).attachments == {"image.png": {"image/png": "aGk=\naGk="}}
    nbformat.validate(tidy({"cells": [raw]}, "p1"))


@pytest.mark.parametrize(
    "attachments",
    [
        None, [], "x", {}, {"a": None}, {"a": {}}, {"a": {"image/png": {}}}, {"a": {"image/png": ""}},
        {"a": {"image/png": "<b>"}}, {"a": {"text/html": "aGk="}},
        {"a": {"image/png": "a" * (notebook_file.MAX_ATTACHMENT + 1)}},
    ],
)  # fmt: skip
def test_other_attachments_are_dropped(attachments: Any) -> None:
    assert "attachments" not in tidied({"cell_type": "markdown", "source": "", "attachments": attachments})
    assert "attachments" not in tidied(cell(attachments={"a": {"image/png": "aGk="}}))


def test_ids_are_kept_if_valid_and_unique() -> None:
    raws = [
        cell(id="mine"),
        cell(metadata={"id": "Colab_1-x"}),
        cell(id="mine"),
        cell(id="not an id"),
        cell(id=7),
        cell(id="submitted-7"),
        cell(id="x" * 65),
        cell(),
    ]
    ids = [x["id"] for x in tidy({"cells": raws}, "p1").cells]
    assert ids == [x["id"] for x in tidy({"cells": raws}, "p1").cells]  # not random
    assert ids[:2] == ["mine", "Colab_1-x"]
    assert len(set(ids)) == len(raws)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(st.characters(), max_size=5),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(
                ["cell_type", "source", "metadata", "nbgrader", "grade_id", "id", "cells", "input"]
            ),
            inner | st.sampled_from(["code", "markdown", "raw", "a", "submitted-1"]),
            max_size=6,
        )
    ),
    max_leaves=20,
)


@settings(max_examples=50, deadline=None)
@given(st.lists(JSON, max_size=6))
def test_any_cells_make_a_valid_notebook_with_unique_ids(cells: list[Any]) -> None:
    with suppress(Unreadable):
        found = tidy({"cells": cells}, "p1")
        nbformat.validate(found)
        nbformat.writes(found).encode()
        ids = [x["id"] for x in found.cells]
        assert len(set(ids)) == len(ids)
        assert tidy(found, "p1") == found
