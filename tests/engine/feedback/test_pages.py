"""Feedback pages: what students read, what they must not see, and what must not run."""

from __future__ import annotations

import logging
import re
import shutil
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from nbconvert.exporters import HTMLExporter
from nbformat import from_dict, read
from nbgrader.api import Gradebook
from nbgrader.apps import NbGraderAPI
from nbgrader.coursedir import CourseDirectory

from autograder.core.errors import CourseError
from autograder.core.records import CheckResult, Diagnosis, ExerciseResult
from autograder.feedback.exercise import feedback_html
from autograder.feedback.pages import write_feedback
from autograder.feedback.sanitize import SanitizeHtml, clean
from autograder.nbgrader_glue.config import course_config, database_url
from autograder.pipeline import grade_class
from tests.engine.support.gradebook_rows import gradebook_file
from tests.engine.support.small_class import PART, hand_in, released, write_class, wrong
from tests.engine.support.small_course import cell, snapshot

EVIL = "<script>evil()</script><img src=x onerror='evil()'><a href='javascript:evil()'>here</a>"
DISPLAY_EVIL = f"""
from IPython.display import HTML, Javascript, Latex, Markdown, display
print({EVIL!r})
display(HTML({EVIL!r}))
display(Markdown({"**bold** " + EVIL!r}))
display(Javascript("evil()"))
display(Latex({EVIL!r}))
raise ValueError({EVIL!r})
"""


class Page(HTMLParser):
    """A page's text, and what a browser would run in it."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.inside: list[str] = []
        self.runs: list[str] = []
        self.text = ""
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in ("script", "style"):
            self.inside.append(tag)
        for name, value in attrs:
            if name.startswith("on") or re.match(r"\s*(javascript|data:text)", value or ""):
                self.runs.append(f"{tag} {name}={value}")
        if tag in ("iframe", "object", "embed", "form", "base", "meta") and "evil" in str(attrs):
            self.runs.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag in self.inside:
            self.inside.remove(tag)

    def handle_data(self, data: str) -> None:
        if not self.inside:
            self.text += data
        elif "script" in self.inside and "evil" in data:
            self.runs.append(data)


@pytest.fixture(scope="module")
def graded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A graded class: mallory has a misconception and scripts everywhere, idle did nothing."""
    root = write_class(tmp_path_factory.mktemp("feedback"))
    content = wrong(root)
    text = f"# Title\n\n$x < y_1$ and *slanted*\n\n{EVIL}\n\n```python\na < b\n```"
    content["cells"] += [
        cell("own-text", text, "markdown"),
        cell("own-raw", EVIL, "raw"),
        cell("own-code", DISPLAY_EVIL),
    ]
    hand_in(root, "mallory", content)
    hand_in(root, "idle", released(root))
    grade_class(root, "module6", [], 1, "cpu", False, None)
    return root


@pytest.fixture(scope="module")
def pages(graded: Path) -> dict[str, str]:
    paths = write_feedback(graded, "module6", [])
    return {path.parent.parent.name: path.read_text() for path in paths}


def test_pages_show_score_misconception_and_hint(pages: dict[str, str]) -> None:
    text = Page(pages["mallory"]).text
    assert "count_params: 2 of 3 points" in text
    assert "The visible example fails: AssertionError: [2, 3, 1] has 13 parameters, not 9" in text
    assert "Likely cause: Every unit after the input layer has a bias of its own" in text
    assert "Hint: " in text
    assert "✓" in text
    assert "✗" in text


def test_pages_show_nothing_hidden(graded: Path, pages: dict[str, str]) -> None:
    text = "\n".join(Page(page).text for page in pages.values())
    visible = (graded / "release" / "module6" / f"{PART}.ipynb").read_text()
    for path in (graded / "tests" / "module6").rglob("*.py"):
        assert path.name not in text
        for line in path.read_text().splitlines():
            if len(line.strip()) > 25 and "=" in line and line.strip() not in visible:
                assert line.strip() not in text
    assert "counts_no_bias" not in text  # the buggy sample's name, which only instructors see
    assert "chaffs" not in text


def test_nothing_from_a_student_runs(pages: dict[str, str]) -> None:
    page = Page(pages["mallory"])
    assert page.runs == []
    assert page.text.count("evil()") >= 4  # shown as text: source, print, raw cell, error


def test_harmless_markdown_is_kept(pages: dict[str, str]) -> None:
    page = pages["mallory"]
    assert "<h1>Title" in page
    assert "<em>slanted</em>" in page
    assert "<strong>bold</strong>" in page
    text = Page(page).text
    assert "$x < y_1$" in text
    assert "a < b" in text


def test_formgrader_shows_nothing_that_runs(graded: Path) -> None:
    """The course's settings put SanitizeHtml into every HTMLExporter."""
    exporter = HTMLExporter(config=course_config(graded))
    path = graded / "autograded" / "mallory" / "module6" / f"{PART}.ipynb"
    page, _ = exporter.from_notebook_node(read(path, as_version=4))
    assert Page(page).runs == []


def test_nbgrader_writes_the_same_pages(graded: Path, pages: dict[str, str]) -> None:
    log = logging.Logger("formgrader")  # not one that pytest captures
    config = course_config(graded)
    folders = CourseDirectory(config=config, log=log)
    answer: dict[str, Any] = NbGraderAPI(folders, config=config, log=log).generate_feedback(
        "module6", "mallory"
    )
    assert answer["success"], answer
    page = graded / "feedback" / "mallory" / "module6" / f"{PART}.html"
    assert page.read_text() == pages["mallory"]


def test_patterns_choose_students(graded: Path, pages: dict[str, str]) -> None:
    folder = graded / "feedback"
    shutil.rmtree(folder)
    paths = write_feedback(graded, "module6", ["mal*"])
    assert paths == sorted(folder.rglob("*.html"))
    assert [path.parent.parent.name for path in paths] == ["mallory"]


def test_error_if_nothing_is_graded(graded: Path) -> None:
    with pytest.raises(CourseError, match="has no assignment 'modul6': did you mean module6"):
        write_feedback(graded, "modul6", [])
    shutil.move(graded / "autograded", graded / "away")
    with pytest.raises(CourseError, match="has no graded module6: run `autograder grade` first"):
        write_feedback(graded, "module6", [])
    shutil.move(graded / "away", graded / "autograded")


def test_error_if_a_pattern_matches_nobody(graded: Path) -> None:
    """Also beside one that matches somebody: otherwise a mistyped name would stay without a page, in silence."""
    with pytest.raises(
        CourseError, match="no student with graded work matches 'malory': did you mean mallory"
    ):
        write_feedback(graded, "module6", ["mal*", "malory"])


def test_broken_page_is_reported_and_the_others_are_written(
    graded: Path, pages: dict[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    broken = graded / "autograded" / "idle" / "module6" / f"{PART}.ipynb"
    original = broken.read_text()
    write_feedback(graded, "module6", [])
    broken.write_text("{nope")
    old_page = graded / "feedback" / "idle" / "module6" / f"{PART}.html"
    old_page.write_text("old")
    (graded / "feedback" / "mallory" / "module6" / f"{PART}.html").unlink(missing_ok=True)
    try:
        with pytest.raises(CourseError, match=r"^the feedback for idle could not .* not a notebook"):
            write_feedback(graded, "module6", [])
    finally:
        broken.write_text(original)
    assert old_page.read_text() == "old"
    assert (graded / "feedback" / "mallory" / "module6" / f"{PART}.html").exists()
    assert capsys.readouterr() == ("", "")


@pytest.mark.parametrize("damage", ["junk", "missing", "empty"])
def test_old_pages_outlast_a_gradebook_that_cannot_be_read(
    graded: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], damage: str
) -> None:
    root = shutil.copytree(graded, tmp_path / "course")
    write_feedback(root, "module6", [])
    before = snapshot(root / "feedback")
    if damage == "missing":
        gradebook_file(root).unlink()
    else:
        gradebook_file(root).write_bytes(b"no database" * 1000 if damage == "junk" else b"")
    with pytest.raises(
        CourseError, match=r"gradebook.* (cannot be read|has no grades of theirs|does not contain)"
    ):
        write_feedback(root, "module6", [])
    assert snapshot(root / "feedback") == before
    assert capsys.readouterr() == ("", "")


def test_students_whom_the_gradebook_does_not_know_are_named(graded: Path, tmp_path: Path) -> None:
    root = shutil.copytree(graded, tmp_path / "course")
    write_feedback(root, "module6", [])
    before = snapshot(root / "feedback" / "idle")
    (root / "feedback" / "mallory" / "module6" / f"{PART}.html").unlink()
    with Gradebook(database_url(root), "nnf") as book:
        book.remove_student("idle")
    with pytest.raises(
        CourseError, match=r"^the gradebook does not contain idle, whose .* `autograder grade` "
    ):
        write_feedback(root, "module6", [])
    assert snapshot(root / "feedback" / "idle") == before
    assert (root / "feedback" / "mallory" / "module6" / f"{PART}.html").exists()


def test_a_page_that_cannot_be_written_is_no_reason_to_grade_again(graded: Path, tmp_path: Path) -> None:
    root = shutil.copytree(graded, tmp_path / "course")
    shutil.rmtree(root / "feedback", ignore_errors=True)
    (root / "feedback").mkdir()
    (root / "feedback" / "idle").symlink_to("/nowhere/idle")
    (root / "feedback" / "mallory").write_text("a file")
    with pytest.raises(CourseError) as refused:
        write_feedback(root, "module6", [])
    sentence = str(refused.value)
    assert f"{root}/feedback/idle is a link to /nowhere/idle, which does not exist" in sentence
    assert f"{root}/feedback/mallory/module6 cannot be opened (Not a directory)" in sentence
    assert "Errno" not in sentence and "--force" not in sentence


def test_files_that_somebody_put_beside_the_pages_are_kept(graded: Path, pages: dict[str, str]) -> None:
    own = graded / "feedback" / "mallory" / "module6" / "rubric.pdf"
    own.parent.mkdir(parents=True, exist_ok=True)
    own.write_text("my own")
    write_feedback(graded, "module6", ["mallory"])
    assert own.read_text() == "my own"


@pytest.mark.parametrize(
    "text",
    [
        EVIL,
        "<scr<script>ipt>evil()</script>",
        "<svg onload=evil()><script>evil()</script></svg>",
        "<iframe src='javascript:evil()'></iframe>",
        "<a href='data:text/html,<script>evil()</script>'>x</a>",
        "<a href=' dat\na:text/html;base64,PHN2Zz4='>x</a>",
        "<img src='data:text/html;base64,PHN2Zz4='>",
        "<div style='position:fixed; top:0; background:url(javascript:evil())'>x</div>",
        "<style>body {display: none}</style>",
        "<math><mtext><table><mglyph><style><img src=x onerror=evil()>",
        "<script>evil()",
        "<base href='//evil.example'><meta http-equiv=refresh content='0;url=javascript:evil()'>",
    ],
)
def test_clean_removes_active_content(text: str) -> None:
    cleaned = clean(text)
    assert Page(cleaned).runs == []
    assert not re.search(r"<(script|style|svg|iframe|base|meta|math)|position|url\(", cleaned)


def test_clean_keeps_ordinary_html() -> None:
    rows = '<tbody><tr><td style="color:red">1</td></tr></tbody>'
    table = f'<table border="1" class="dataframe">{rows}</table>'
    assert clean(table) == table
    picture = '<img alt="x" src="data:image/png;base64,aGk=">'
    assert clean(picture) == picture
    assert clean('<a href="https://pytorch.org">x</a>') == '<a href="https://pytorch.org">x</a>'


def test_output_keeps_its_safe_representations() -> None:
    output = {
        "output_type": "display_data",
        "metadata": {"isolated": True, "width": "1 onerror=evil()"},
        "data": {
            "text/plain": "a figure",
            "image/png": "aGk=",
            "application/javascript": "evil()",
            "application/vnd.jupyter.widget-view+json": {"model_id": "x"},
        },
    }
    code = from_dict(cell("own", "1") | {"outputs": [output]})
    made, _ = SanitizeHtml().preprocess_cell(code, {}, 0)
    assert made.outputs[0].data == {"text/plain": "a figure", "image/png": "aGk="}
    assert made.outputs[0].metadata == {"alt": "output of this cell"}


def test_feedback_html_escapes_all_text() -> None:
    checks = (
        CheckResult("a", True, 1.0, EVIL),
        CheckResult("b", False, 1.0, f"{EVIL}\n{EVIL}", EVIL),
        CheckResult("c", None, 1.0, EVIL),
    )
    result = ExerciseResult("x", 1.0, 2.0, "partial", checks, Diagnosis("buggy_sample", EVIL))
    made = feedback_html(result, EVIL)
    page = Page(made)
    assert page.runs == []
    assert "<script" not in made
    assert page.text.count("evil()</script>") == 7
    assert [grade for grade in page.text if grade in "✓✗–"] == ["✗", "✓", "✗", "–"]
