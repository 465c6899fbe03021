"""formgrader in a browser, as an instructor uses it: a Jupyter server, and what the buttons do."""

from __future__ import annotations

import os
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

from tests.engine.support.small_class import PART

TOKEN = "formgrader-test"
PAGE_TIMEOUT = 60_000  # milliseconds
GRADING_TIMEOUT = 240_000  # milliseconds; the first grading imports torch twice
READY = """window.formgrader && formgrader.loaded && formgrader.grades.loaded
    && formgrader.comments.loaded && MathJax.loaded"""
TOOLS = Path(sys.executable).parent


class Instructor:
    """An instructor with JupyterLab open; `page` is the frame in it that shows formgrader."""

    def __init__(self, root: Path, server: psutil.Process, lab: Any) -> None:
        self.root, self.server, self.lab = root, server, lab
        self.page: Any = None
        self.problems: list[str] = []
        lab.on("dialog", self._dialog)
        lab.on("pageerror", lambda error: self.problems.append(f"page error: {error}"))
        lab.on("response", self._response)

    def _dialog(self, dialog: Any) -> None:
        self.problems.append(f"a student's script has run: {dialog.message}")
        dialog.dismiss()

    def _response(self, response: Any) -> None:
        if response.status >= 400 and "/formgrader/" in response.url:
            self.problems.append(f"{response.status} {response.url}")

    def open(self, path: str) -> None:
        address = f"{self.lab.url.split('/lab')[0]}/formgrader/{path}"
        self.page.goto(address)

    def row(self, student: str = "") -> Any:
        """The row of a student or of the assignment, once its buttons are there."""
        row = self.page.locator("#main-table tr", has_text=student or "module6").first
        row.locator("a").first.wait_for()
        return row

    def press(self, button: Any, timeout: int = PAGE_TIMEOUT) -> str:
        """Press a button that opens a dialog. Close the dialog and return its text."""
        button.click()
        dialog = self.page.locator(".modal.in")
        dialog.wait_for(timeout=timeout)
        text = str(dialog.inner_text())
        dialog.locator(".modal-footer button").dispatch_event("click")  # JupyterLab's news may cover it
        dialog.wait_for(state="detached")
        self.page.locator("#main-table td", has_text="Please wait").wait_for(state="detached")
        return text

    def autograde(self, student: str) -> str:
        return self.press(self.row(student).locator(".autograde a"), GRADING_TIMEOUT)

    def grade_everyone(self) -> None:
        """Open Manage Submissions and grade those who are not graded yet."""
        self.open("manage_submissions/module6")
        for student in ("ada", "bob"):
            if "needs autograding" in self.row(student).inner_text():
                assert "Successfully autograded" in self.autograde(student)

    def open_submission(self, student: str) -> None:
        """Go through Manual Grading to this student's part 1."""
        self.grade_everyone()
        self.page.locator("a", has_text="Manual Grading").click()
        for link in ("module6", PART, "Submission #1"):
            self.page.locator("#main-table a", has_text=link).first.click()
        for retry in (True, False):
            self.page.wait_for_function(READY)
            if student in self.page.locator(".name-shown").first.text_content():
                return
            assert retry, f"found no page of {student}"
            with self.page.expect_navigation():
                self.page.locator("li.next a").click()
            if not self.page.locator("#reflection_1").count():  # it was the last page
                self.page.locator("#main-table a", has_text="Submission #1").first.click()

    def do_and_save(self, act: Any, timeout: int = PAGE_TIMEOUT) -> None:
        """Do something that formgrader saves, and wait until the server has saved it."""
        with self.lab.expect_response(
            lambda response: response.request.method == "PUT" and "/formgrader/api/" in response.url,
            timeout=timeout,
        ) as found:
            act()
        assert found.value.ok

    def click_and_save(self, button: Any) -> None:
        """Click a button whose effect formgrader saves. On a page that still moves a click may be lost."""
        from playwright.sync_api import TimeoutError as NothingSaved  # the tests are skipped without it

        try:
            self.do_and_save(button.click, timeout=15_000)
        except NothingSaved:
            self.do_and_save(button.click)

    def fill_in(self, field: str, text: str) -> None:
        box = self.page.locator(f"#{field}")
        if box.input_value() != text:  # otherwise nothing changes, and nothing is saved
            box.fill(text)
            self.do_and_save(box.blur)

    def worker_pid(self) -> int:
        """The process id of the server's only worker."""
        found = [int(x.pid) for x in self.server.children() if "autograder.workers.worker" in x.cmdline()]
        assert len(found) == 1
        return found[0]


@contextmanager
def jupyter_server(folder: Path, root: Path) -> Iterator[tuple[psutil.Process, str]]:
    """Run `jupyter lab` in the course's folder, for a user who has set nothing but an exchange folder.

    Yields the server's process and the address of JupyterLab.
    """
    home, exchange = folder / "home", folder / "exchange"
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
    log = folder / "server.log"
    with log.open("w") as lines:
        process = subprocess.Popen(command, cwd=root, env=environment, stdout=lines, stderr=lines)
    try:
        _wait_for_server(f"http://127.0.0.1:{port}/api/status?token={TOKEN}", process, log)
        yield psutil.Process(process.pid), f"http://127.0.0.1:{port}/lab?token={TOKEN}"
    finally:
        process.terminate()
        try:
            process.wait(30)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _wait_for_server(address: str, process: subprocess.Popen[bytes], log: Path) -> None:
    end = time.monotonic() + 120
    while process.poll() is None and time.monotonic() < end:
        try:
            urllib.request.urlopen(address, timeout=10).close()
            return
        except (urllib.error.URLError, OSError):
            time.sleep(0.2)
    raise AssertionError(f"jupyter lab does not respond:\n{log.read_text()[-2000:]}")
