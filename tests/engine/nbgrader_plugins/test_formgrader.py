"""formgrader in a real browser: an instructor presses the buttons of a real Jupyter server.

Needs Playwright (a Python package) and a Chromium, Debian's or Playwright's own; skipped without.
The pages load MathJax from a CDN. A stand-in answers here, so that the tests need no network.
"""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil  # type: ignore[import-untyped]
import pytest

from autograder.authoring.leaks import grader_lines, solution_lines
from tests.engine.support.small_class import PART, hand_in, scores, solved, write_class, wrong
from tests.engine.support.small_course import cell_of

playwright = pytest.importorskip(
    "playwright.sync_api", reason="no Playwright here: pip install playwright, for formgrader's pages"
)

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "chrome")
TOKEN = "formgrader-test"
PATIENCE = 60_000  # milliseconds for a page
GRADING = 240_000  # for the first grading, which imports torch twice
READY = """window.formgrader && formgrader.loaded && formgrader.grades.loaded
    && formgrader.comments.loaded && MathJax.loaded"""
TOOLS = Path(sys.executable).parent
EVIL = "One line is not <b>enough</b>.<script>alert(1)</script><img src='x:' onerror='alert(2)'>"
COMMENT = "Well argued, but where are the four conditions?"
MATHJAX = """window.MathJax = {Hub: {Config() {}, Queue() {}, Startup: {signal: {
    Interest(call) { setTimeout(() => call("End"), 50); }}}}};"""


class WorkerService:
    """An instructor with JupyterLab open; `page` is formgrader's frame in it."""

    def __init__(self, root: Path, server: psutil.Process, lab: Any) -> None:
        self.root, self.server, self.lab = root, server, lab
        self.page: Any = None
        self.troubles: list[str] = []
        lab.on("dialog", self._dialog)
        lab.on("pageerror", lambda error: self.troubles.append(f"page error: {error}"))
        lab.on("response", self._response)

    def _dialog(self, dialog: Any) -> None:
        self.troubles.append(f"a script of a student's has run: {dialog.message}")
        dialog.dismiss()

    def _response(self, response: Any) -> None:
        if response.status >= 400 and "/formgrader/" in response.url:
            self.troubles.append(f"{response.status} {response.url}")

    def open(self, place: str) -> None:
        address = f"{self.lab.url.split('/lab')[0]}/formgrader/{place}"
        self.page.goto(address)

    def row(self, student: str = "") -> Any:
        """The row of a student, or of the assignment, when its buttons are there."""
        row = self.page.locator("#main-table tr", has_text=student or "module6").first
        row.locator("a").first.wait_for()
        return row

    def press(self, button: Any, wait: int = PATIENCE) -> str:
        """Press a button that answers in a window: its text, after it is closed."""
        button.click()
        window = self.page.locator(".modal.in")
        window.wait_for(timeout=wait)
        text = str(window.inner_text())
        window.locator(".modal-footer button").click()
        window.wait_for(state="detached")
        self.page.locator("#main-table td", has_text="Please wait").wait_for(state="detached")
        return text

    def autograde(self, student: str) -> str:
        return self.press(self.row(student).locator(".autograde a"), GRADING)

    def graded(self) -> None:
        """Manage Submissions, with everyone graded."""
        self.open("manage_submissions/module6")
        for student in ("ada", "bob"):
            if "needs autograding" in self.row(student).inner_text():
                assert "Successfully autograded" in self.autograde(student)

    def paper(self, student: str) -> None:
        """Manual Grading, down to this student's part 1."""
        self.graded()
        self.page.locator("a", has_text="Manual Grading").click()
        for link in ("module6", PART, "Submission #1"):
            self.page.locator("#main-table a", has_text=link).first.click()
        for other in (True, False):
            self.page.wait_for_function(READY)
            if student in self.page.locator(".name-shown").first.text_content():
                return
            assert other, f"no page of {student}'s"
            with self.page.expect_navigation():
                self.page.locator("li.next a").click()
            if not self.page.locator("#reflection_1").count():  # that was the last one
                self.page.locator("#main-table a", has_text="Submission #1").first.click()

    def saved(self, act: Any) -> None:
        """Do what formgrader saves, and wait until the server has it."""
        with self.lab.expect_response(
            lambda response: response.request.method == "PUT" and "/formgrader/api/" in response.url
        ) as found:
            act()
        assert found.value.ok

    def give(self, field: str, text: str) -> None:
        box = self.page.locator(f"#{field}")
        if box.input_value() != text:  # else nothing changes, and nothing is saved
            box.fill(text)
            self.saved(box.blur)

    def worker(self) -> int:
        """The process id of the engine's worker below the server; there is one."""
        found = [int(x.pid) for x in self.server.children() if "autograder.workers.worker" in x.cmdline()]
        assert len(found) == 1
        return found[0]


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[WorkerService]:
    place = tmp_path_factory.mktemp("formgrader")
    with playwright.sync_playwright() as driver:
        found = [x for x in (*map(shutil.which, BROWSERS), driver.chromium.executable_path) if x]
        paths = [x for x in found if Path(x).exists()]
        if not paths:
            pytest.skip("no Chromium here: apt install chromium, or playwright install chromium")
        root = write_class(place / "course")
        fill(root)
        with jupyter(place, root) as (server, address):
            browser = driver.chromium.launch(
                executable_path=paths[0], args=["--no-sandbox", "--disable-dev-shm-usage"]
            )
            context = browser.new_context(viewport={"width": 1400, "height": 1000})
            context.set_default_timeout(PATIENCE)
            context.route(
                "**/cdnjs.cloudflare.com/**",
                lambda route: route.fulfill(content_type="text/javascript", body=MATHJAX),
            )
            try:
                service = WorkerService(root, server, context.new_page())
                enter(service, address)
                yield service
            finally:
                browser.close()


def fill(root: Path) -> None:
    """ada is right and leaves the written answer; bob is partly wrong and means harm; tim's file is cut."""
    hand_in(root, "ada", solved(root))
    content = wrong(root)
    cell_of(content, "reflection_1")["source"] = EVIL
    hand_in(root, "bob", content)
    hand_in(root, "tim", "{nope")
    for student in ("ada", "bob", "tim"):  # as `nbgrader collect` leaves them
        folder = root / "submitted" / student / "module6"
        (folder / "timestamp.txt").write_text("2026-01-05 10:00:00 UTC")
        (folder / "submission_secret.txt").write_text(f"{student}'s")


@contextmanager
def jupyter(place: Path, root: Path) -> Iterator[tuple[psutil.Process, str]]:
    """`jupyter lab` in the course's folder, for a user without settings but for an exchange."""
    home, exchange = place / "home", place / "exchange"
    home.mkdir()
    exchange.mkdir()
    exchange.chmod(0o777)
    (home / "nbgrader_config.py").write_text(f"c = get_config()\nc.Exchange.root = {str(exchange)!r}\n")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    folders = {f"JUPYTER_{kind}_DIR": str(home / kind.lower()) for kind in ("DATA", "RUNTIME")}
    command = [
        str(TOOLS / "jupyter"), "lab", "--no-browser", "--allow-root", "--ip=127.0.0.1", f"--port={port}",
        "--ServerApp.port_retries=0", f"--IdentityProvider.token={TOKEN}",
    ]  # fmt: skip
    environment = {**os.environ, **folders, "HOME": str(home), "JUPYTER_CONFIG_DIR": str(home)}
    log = place / "server.log"
    with log.open("w") as lines:
        process = subprocess.Popen(command, cwd=root, env=environment, stdout=lines, stderr=lines)
    try:
        await_answer(f"http://127.0.0.1:{port}/api/status?token={TOKEN}", process, log)
        yield psutil.Process(process.pid), f"http://127.0.0.1:{port}/lab?token={TOKEN}"
    finally:
        process.terminate()
        try:
            process.wait(30)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def await_answer(address: str, process: subprocess.Popen[bytes], log: Path) -> None:
    end = time.monotonic() + 120
    while process.poll() is None and time.monotonic() < end:
        try:
            urllib.request.urlopen(address, timeout=10).close()
            return
        except (urllib.error.URLError, OSError):
            time.sleep(0.2)
    raise AssertionError(f"jupyter lab does not answer:\n{log.read_text()[-2000:]}")


def enter(service: WorkerService, address: str) -> None:
    """As README.md says it: jupyter lab, then Nbgrader > Formgrader."""
    service.lab.goto(address)
    service.lab.locator(".lm-MenuBar-itemLabel", has_text="Nbgrader").click()
    service.lab.locator(".lm-Menu-itemLabel").get_by_text("Formgrader", exact=True).click()
    frame = service.lab.locator("iframe").element_handle().content_frame()
    frame.wait_for_url("**/formgrader/manage_assignments")
    service.page = frame


@pytest.fixture(autouse=True)
def no_troubles(service: WorkerService) -> Iterator[None]:
    """Whatever is pressed: no script error, no failed request, nothing of a student's has run."""
    service.troubles.clear()
    yield
    assert service.troubles == []


def test_generate_makes_the_release_of_autograder_release(service: WorkerService) -> None:
    service.open("manage_assignments")
    release = service.root / "release" / "module6"
    before = {path.name: path.read_bytes() for path in release.iterdir()}
    said = service.press(service.row().locator(".assign a"))
    assert "Successfully created the student version" in said
    assert {path.name: path.read_bytes() for path in release.iterdir()} == before


def test_release_collect_and_unrelease(service: WorkerService) -> None:
    service.open("manage_assignments")
    assert "Successfully released" in service.press(service.row().locator(".release a"))
    assert "Successfully collected" in service.press(service.row().locator(".collect a"))
    assert "Successfully unreleased" in service.press(service.row().locator(".release a"))


def test_autograde_shows_the_scores_of_autograder_run(service: WorkerService, tmp_path: Path) -> None:
    service.graded()
    worker = service.worker()
    files = [str(service.root / "submitted" / x / "module6" / f"{PART}.ipynb") for x in ("ada", "bob")]
    found = tmp_path / "results.json"
    subprocess.run(
        [TOOLS / "autograder", "run", *files, "--json", found, "--course", service.root],
        check=True, capture_output=True,
    )  # fmt: skip
    results = json.loads(found.read_text())["results"]
    points = dict(zip(("ada", "bob"), (result["score"] for result in results), strict=True))
    assert points["ada"] == 4.0
    assert 1 < points["bob"] < 4
    service.open("manage_submissions/module6")
    for student, state in (("ada", "graded"), ("bob", "needs manual grading")):
        row = service.row(student)
        assert row.locator(".status").inner_text() == state
        manual = sum(x[1] or 0 for key, x in scores(service.root).items() if key[0] == student)
        shown, most = row.locator(".score").inner_text().split(" / ")
        assert float(shown) == round(points[student] + manual, 2)
        assert float(most) == 11  # with the written answer, and part 3, which nobody has handed in
    assert service.worker() == worker


def test_a_broken_file_is_said_in_a_sentence(service: WorkerService) -> None:
    service.open("manage_submissions/module6")
    said = service.autograde("tim")
    assert "There was an error autograding" in said
    assert f"{PART}.ipynb is no notebook (its JSON breaks at line 1)" in said
    assert "needs autograding" in service.row("tim").inner_text()


def test_written_answers_get_points_and_a_comment(service: WorkerService) -> None:
    service.paper("bob")
    answer = service.page.locator(".nbgrader_cell", has=service.page.locator("#reflection_1"))
    assert "One line is not enough." in answer.inner_text()
    for button, points in ((".full-credit", 4.0), (".no-credit", 0.0)):
        service.saved(answer.locator(button).click)
        assert scores(service.root)["bob", PART, "reflection_1"][1] == points
    service.give("reflection_1", "9")
    assert service.page.locator("#reflection_1").input_value() == "4"  # not more than there are
    service.give("reflection_1", "2.5")
    service.give("reflection_1-comment", COMMENT)
    assert scores(service.root)["bob", PART, "reflection_1"] == (None, 2.5, False)
    service.page.locator("body").press("Control+Shift+F")
    service.page.locator("#statusmessage", has_text="Submission flagged").wait_for()
    service.open("manage_submissions/module6")
    assert service.row("bob").locator(".status").inner_text() == "graded"

    # Graded again, it asks for a second look, and Resolve says that nothing has to change.
    assert "Successfully autograded" in service.autograde("bob")
    assert service.row("bob").locator(".status").inner_text() == "needs manual grading"
    service.paper("bob")
    assert service.page.locator("#reflection_1").input_value() == "2.5"
    service.saved(service.page.locator(".mark-graded:visible").click)
    assert scores(service.root)["bob", PART, "reflection_1"] == (None, 2.5, False)


def test_feedback_holds_the_comment_and_nothing_hidden(service: WorkerService) -> None:
    service.paper("bob")
    service.give("reflection_1", "3")
    service.give("reflection_1-comment", COMMENT)
    service.open("manage_submissions/module6")
    said = service.press(service.row("bob").locator(".generate-feedback a"))
    assert "Successfully generated feedback" in said
    assert "[WARNING] Config" not in said
    page = service.root / "feedback" / "bob" / "module6" / f"{PART}.html"
    sheet = service.lab.context.new_page()
    sheet.on("dialog", service._dialog)
    sheet.goto(page.as_uri())
    text = sheet.inner_text("body")
    sheet.close()
    assert COMMENT in text
    assert "Written response (Score: 3.0 / 4.0)" in text
    assert "only the weights are counted here" in text
    released = (service.root / "release" / "module6" / f"{PART}.ipynb").read_text()
    own = "".join(cell_of(wrong(service.root), "claims_solution")["source"])
    secrets = [*grader_lines(service.root, "module6"), *solution_lines(service.root, "module6")]
    kept = [
        x for x in secrets if x.line.strip() not in own and json.dumps(x.line.strip())[1:-1] not in released
    ]
    assert len(kept) > 50
    assert [x for x in kept if x.line.strip() in text or x.line.strip() in page.read_text()] == []


def test_feedback_of_the_class_is_generated_and_released(service: WorkerService) -> None:
    service.graded()
    service.open("manage_assignments")
    assert "Successfully generated feedback" in service.press(service.row().locator(".generate-feedback a"))
    pages = sorted(path.parent.parent.name for path in service.root.glob(f"feedback/*/module6/{PART}.html"))
    assert pages == ["ada", "bob"]
    assert "Successfully released feedback" in service.press(service.row().locator(".release-feedback a"))
    service.open("manage_submissions/module6")
    said = service.press(service.row("ada").locator(".release-feedback a"))
    assert "Successfully released feedback" in said
