"""formgrader in a real browser: an instructor presses the buttons of a real Jupyter server.

Needs Playwright (a Python package) and Chromium, from the system or from Playwright; skipped without them.
formgrader loads MathJax from a CDN. A stand-in replaces it, so no network is needed.
"""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from autograder.authoring.leaks import grader_lines, solution_lines
from tests.engine.nbgrader_plugins.formgrader_browser import PAGE_TIMEOUT, TOOLS, Instructor, jupyter_server
from tests.engine.support.small_class import PART, hand_in, scores, solved, write_class, wrong
from tests.engine.support.small_course import cell_of, load

pytestmark = pytest.mark.slow

playwright = pytest.importorskip(
    "playwright.sync_api", reason="no Playwright here: pip install playwright, for formgrader's pages"
)

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "chrome")
MALICIOUS_ANSWER = "One line is not <b>enough</b>.<script>alert(1)</script><img src='x:' onerror='alert(2)'>"
COMMENT = "Well argued, but where are the four conditions?"
MATHJAX = """window.MathJax = {Hub: {Config() {}, Queue() {}, Startup: {signal: {
    Interest(call) { setTimeout(() => call("End"), 50); }}}}};"""


@pytest.fixture(scope="module")
def instructor(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Instructor]:
    folder = tmp_path_factory.mktemp("formgrader")
    with playwright.sync_playwright() as driver:
        found = [x for x in (*map(shutil.which, BROWSERS), driver.chromium.executable_path) if x]
        paths = [x for x in found if Path(x).exists()]
        if not paths:
            pytest.skip("no Chromium here: apt install chromium, or playwright install chromium")
        root = write_class(folder / "course")
        hand_in_class(root)
        with jupyter_server(folder, root) as (server, address):
            browser = driver.chromium.launch(
                executable_path=paths[0], args=["--no-sandbox", "--disable-dev-shm-usage"]
            )
            context = browser.new_context(viewport={"width": 1400, "height": 1000})
            context.set_default_timeout(PAGE_TIMEOUT)
            context.route(
                "**/cdnjs.cloudflare.com/**",
                lambda route: route.fulfill(content_type="text/javascript", body=MATHJAX),
            )
            try:
                instructor = Instructor(root, server, context.new_page())
                open_formgrader(instructor, address)
                yield instructor
            finally:
                browser.close()


def hand_in_class(root: Path) -> None:
    """ada is right but skips the written answer, bob is partly wrong and malicious, tim's file is truncated."""
    hand_in(root, "ada", solved(root))
    content = wrong(root)
    cell_of(content, "reflection_1")["source"] = MALICIOUS_ANSWER
    hand_in(root, "bob", content)
    hand_in(root, "tim", "{nope")
    for student in ("ada", "bob", "tim"):  # as `nbgrader collect` leaves them
        folder = root / "submitted" / student / "module6"
        (folder / "timestamp.txt").write_text("2026-01-05 10:00:00 UTC")
        (folder / "submission_secret.txt").write_text(f"{student}'s")


def open_formgrader(instructor: Instructor, address: str) -> None:
    """Open formgrader from JupyterLab's menu, as docs/instructors.md describes."""
    instructor.lab.goto(address)
    instructor.lab.locator(".lm-MenuBar-itemLabel", has_text="Nbgrader").click()
    instructor.lab.locator(".lm-Menu-itemLabel").get_by_text("Formgrader", exact=True).click()
    frame = instructor.lab.locator("iframe").element_handle().content_frame()
    frame.wait_for_url("**/formgrader/manage_assignments")
    instructor.page = frame


@pytest.fixture(autouse=True)
def no_problems(instructor: Instructor) -> Iterator[None]:
    """Whatever is pressed: no script error, no failed request, and no script of a student runs."""
    instructor.problems.clear()
    yield
    assert instructor.problems == []


def test_generate_makes_the_same_files_as_autograder_release(instructor: Instructor) -> None:
    instructor.open("manage_assignments")
    release = instructor.root / "release" / "module6"
    before = {path.name: path.read_bytes() for path in release.iterdir()}
    message = instructor.press(instructor.row().locator(".assign a"))
    assert "Successfully created the student version" in message
    assert {path.name: path.read_bytes() for path in release.iterdir()} == before


def test_release_collect_and_unrelease(instructor: Instructor) -> None:
    instructor.open("manage_assignments")
    assert "Successfully released" in instructor.press(instructor.row().locator(".release a"))
    assert "Successfully collected" in instructor.press(instructor.row().locator(".collect a"))
    assert "Successfully unreleased" in instructor.press(instructor.row().locator(".release a"))


def test_autograde_shows_the_same_scores_as_autograder_run(instructor: Instructor, tmp_path: Path) -> None:
    instructor.grade_everyone()
    worker = instructor.worker_pid()
    files = [str(instructor.root / "submitted" / x / "module6" / f"{PART}.ipynb") for x in ("ada", "bob")]
    found = tmp_path / "results.json"
    subprocess.run(
        [TOOLS / "autograder", "run", *files, "--json", found, "--course", instructor.root],
        check=True, capture_output=True,
    )  # fmt: skip
    results = json.loads(found.read_text())["results"]
    points = dict(zip(("ada", "bob"), (result["score"] for result in results), strict=True))
    assert points["ada"] == 4.0
    assert 1 < points["bob"] < 4
    instructor.open("manage_submissions/module6")
    for student, state in (("ada", "graded"), ("bob", "needs manual grading")):
        row = instructor.row(student)
        assert row.locator(".status").inner_text() == state
        manual = sum(x[1] or 0 for key, x in scores(instructor.root).items() if key[0] == student)
        shown, most = row.locator(".score").inner_text().split(" / ")
        assert float(shown) == round(points[student] + manual, 2)
        assert float(most) == 11  # including the written answer and part 3, which nobody has submitted
    assert instructor.worker_pid() == worker


def test_a_broken_file_is_reported_in_one_sentence(instructor: Instructor) -> None:
    instructor.open("manage_submissions/module6")
    message = instructor.autograde("tim")
    assert "There was an error autograding" in message
    assert f"{PART}.ipynb is not a notebook (invalid JSON at line 1)" in message
    assert "needs autograding" in instructor.row("tim").inner_text()


def test_written_answers_get_points_and_a_comment(instructor: Instructor) -> None:
    instructor.open_submission("bob")
    answer = instructor.page.locator(".nbgrader_cell", has=instructor.page.locator("#reflection_1"))
    assert "One line is not enough." in answer.inner_text()
    for button, points in ((".full-credit", 4.0), (".no-credit", 0.0)):
        instructor.click_and_save(answer.locator(button))
        assert scores(instructor.root)["bob", PART, "reflection_1"][1] == points
    instructor.fill_in("reflection_1", "9")
    assert instructor.page.locator("#reflection_1").input_value() == "4"  # the maximum
    instructor.fill_in("reflection_1", "2.5")
    instructor.fill_in("reflection_1-comment", COMMENT)
    assert scores(instructor.root)["bob", PART, "reflection_1"] == (None, 2.5, False)
    instructor.page.locator("body").press("Control+Shift+F")
    instructor.page.locator("#statusmessage", has_text="Submission flagged").wait_for()
    instructor.open("manage_submissions/module6")
    assert instructor.row("bob").locator(".status").inner_text() == "graded"

    # Another answer needs a second look, the same one does not; Resolve confirms the grade.
    assert "Successfully autograded" in instructor.autograde("bob")
    assert instructor.row("bob").locator(".status").inner_text() == "graded"
    content = load(instructor.root / "submitted" / "bob" / "module6" / f"{PART}.ipynb")
    cell_of(content, "reflection_1")["source"] = MALICIOUS_ANSWER + "\n\nNor are two."
    hand_in(instructor.root, "bob", content)
    assert "Successfully autograded" in instructor.autograde("bob")
    assert instructor.row("bob").locator(".status").inner_text() == "needs manual grading"
    instructor.open_submission("bob")
    assert instructor.page.locator("#reflection_1").input_value() == "2.5"
    instructor.click_and_save(instructor.page.locator(".mark-graded:visible"))
    assert scores(instructor.root)["bob", PART, "reflection_1"] == (None, 2.5, False)


def test_feedback_contains_the_comment_and_nothing_hidden(instructor: Instructor) -> None:
    instructor.open_submission("bob")
    instructor.fill_in("reflection_1", "3")
    instructor.fill_in("reflection_1-comment", COMMENT)
    instructor.open("manage_submissions/module6")
    message = instructor.press(instructor.row("bob").locator(".generate-feedback a"))
    assert "Successfully generated feedback" in message
    assert "[WARNING] Config" not in message
    page = instructor.root / "feedback" / "bob" / "module6" / f"{PART}.html"
    tab = instructor.lab.context.new_page()
    tab.on("dialog", instructor._dialog)
    tab.goto(page.as_uri())
    text = tab.inner_text("body")
    tab.close()
    assert COMMENT in text
    assert "Written response (Score: 3.0 / 4.0)" in text
    assert "only the weights are counted here" in text
    released = (instructor.root / "release" / "module6" / f"{PART}.ipynb").read_text()
    own = "".join(cell_of(wrong(instructor.root), "claims_solution")["source"])
    secrets = [*grader_lines(instructor.root, "module6"), *solution_lines(instructor.root, "module6")]
    hidden = [
        x for x in secrets if x.line.strip() not in own and json.dumps(x.line.strip())[1:-1] not in released
    ]
    assert len(hidden) > 50
    assert [x for x in hidden if x.line.strip() in text or x.line.strip() in page.read_text()] == []


def test_feedback_for_the_class_is_generated_and_released(instructor: Instructor) -> None:
    instructor.grade_everyone()
    instructor.open("manage_assignments")
    assert "Successfully generated feedback" in instructor.press(
        instructor.row().locator(".generate-feedback a")
    )
    pages = sorted(
        path.parent.parent.name for path in instructor.root.glob(f"feedback/*/module6/{PART}.html")
    )
    assert pages == ["ada", "bob"]
    assert "Successfully released feedback" in instructor.press(
        instructor.row().locator(".release-feedback a")
    )
    instructor.open("manage_submissions/module6")
    message = instructor.press(instructor.row("ada").locator(".release-feedback a"))
    assert "Successfully released feedback" in message
