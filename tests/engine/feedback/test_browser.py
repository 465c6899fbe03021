"""A real browser opens a page made of a student's notebook, and asks nobody for anything."""

from __future__ import annotations

import base64
import shutil
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import nbgrader
import pytest
from nbconvert.exporters import HTMLExporter

from autograder.feedback.page_exporter import PageExporter
from autograder.feedback.sanitize import SanitizeHtml
from tests.engine.feedback.test_sanitize import ADDRESS, FETCHING, SVG, notebook_of, output
from tests.engine.support.small_course import cell

pytestmark = pytest.mark.slow

playwright = pytest.importorskip("playwright.sync_api", reason="no Playwright here: pip install playwright")
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "chrome")
AFTERWARDS = 500  # milliseconds


@pytest.fixture
def server() -> Iterator[tuple[str, list[str]]]:
    """The address of a picture on a web server, and the list of all requests that came."""
    asked: list[str] = []

    class Counting(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            self.send_response(404)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Print nothing."""

    web = ThreadingHTTPServer(("127.0.0.1", 0), Counting)
    threading.Thread(target=web.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{web.server_port}/pixel.png", asked
    web.shutdown()
    web.server_close()


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """Chromium."""
    with playwright.sync_playwright() as driver:
        found = [x for x in (*map(shutil.which, BROWSERS), driver.chromium.executable_path) if x]
        paths = [x for x in found if Path(x).exists()]
        if not paths:
            pytest.skip("no Chromium here: apt install chromium, or playwright install chromium")
        browser = driver.chromium.launch(
            executable_path=paths[0], args=["--no-sandbox", "--disable-dev-shm-usage"]
        )
        yield browser
        browser.close()


def visit(browser: Any, path: Path, enough: Callable[[list[str]], bool]) -> list[str]:
    """Open a page and wait until it has asked for `enough`, then a little longer.

    Returns the addresses of all requests but the page itself and pictures that it contains.
    """
    page, asked = browser.new_page(), []
    page.on("request", lambda request: asked.append(request.url))
    page.goto(path.as_uri(), wait_until="commit")
    deadline = time.monotonic() + 60
    while not enough(asked) and time.monotonic() < deadline:
        page.wait_for_timeout(100)
    page.wait_for_timeout(AFTERWARDS)
    page.close()
    return [x for x in asked if x != path.as_uri() and not x.startswith("data:")]


def write_page(path: Path, address: str, sanitize: bool) -> None:
    """A page of a notebook that shows everything that fetches: in markdown, raw cells and all outputs."""
    parts = [x.replace(ADDRESS, f"{address}?{n}") for n, x in enumerate([*FETCHING, f"![x]({ADDRESS})"])]
    parts = [x for x in parts if "http-equiv" not in x or sanitize]  # it would leave the page
    shown = [
        output(**{kind: part, "text_plain": "x"}) for part in parts for kind in ("text_html", "text_markdown")
    ]
    shown += [output(**{"image_svg+xml": SVG.replace(ADDRESS, address)}), output(text_latex="".join(parts))]
    cells = [
        cell("b", "x") | {"outputs": shown},
        *(cell(f"m{n}", x, "markdown") for n, x in enumerate(parts)),
    ]
    cells += [cell(f"r{n}", x, "raw") for n, x in enumerate(parts)]
    exporter = HTMLExporter(template_name="classic", mathjax_url="", require_js_url="", jquery_url="")
    if sanitize:
        exporter.register_preprocessor(SanitizeHtml, enabled=True)
    page, _ = exporter.from_notebook_node(notebook_of(*cells))
    path.write_text(page, encoding="utf-8")


def test_a_browser_fetches_nothing_that_a_notebook_names(
    tmp_path: Path, server: tuple[str, list[str]], browser: Any
) -> None:
    address, asked = server
    write_page(tmp_path / "raw.html", address, sanitize=False)
    visit(browser, tmp_path / "raw.html", lambda urls: sum(x.startswith(address) for x in urls) > 15)
    assert len(asked) > 15  # the notebook does ask for things when nobody stops it
    asked.clear()
    path = tmp_path / "page.html"
    write_page(path, address, sanitize=True)
    last = f"{address}?the page is at its end".replace(" ", "-")
    text = path.read_text(encoding="utf-8")
    path.write_text(text.replace("</body>", f"<img src={last}></body>"), encoding="utf-8")
    urls = visit(browser, path, lambda urls: last in urls)
    # nbconvert's template asks for mermaid, whatever is in the notebook; nbgrader's does not
    assert [x for x in urls if "cdnjs.cloudflare.com" not in x] == [last]
    assert len(asked) == 1


FORMGRADER = Path(nbgrader.__file__).parent / "server_extensions" / "formgrader"
STYLES = FORMGRADER / "static" / "node_modules" / "bootstrap" / "dist" / "css"
PHONE = {"width": 390, "height": 800}


def write_feedback_page(path: Path) -> None:
    """A page as `autograder feedback` makes it, of one graded cell with long lines and a wide picture."""
    tag = {"grade_id": "slope", "grade": True, "locked": True, "solution": False, "points": 2.0, "score": 0.5}
    wide = '<img src="data:image/svg+xml;base64,' + base64.b64encode(WIDE.encode()).decode() + '">'
    graded = cell("slope", "x = " + " + ".join(["1"] * 80)) | {
        "outputs": [output(text_html="<p>Score: 0.5</p>"), output(text_html=wide)],
        "metadata": {"nbgrader": tag},
    }
    resources = {"nbgrader": {"notebook": "part", "score": 0.5, "max_score": 2.0, "late_penalty": 0}}
    exporter = PageExporter(
        template_name="feedback",
        extra_template_basedirs=[str(FORMGRADER / "templates")],
        extra_template_paths=[str(STYLES)],
        mathjax_url="",
    )
    page, _ = exporter.from_notebook_node(notebook_of(graded), resources)
    path.write_text(page, encoding="utf-8")


WIDE = '<svg xmlns="http://www.w3.org/2000/svg" width="900" height="20"></svg>'


def test_a_page_fits_on_a_phone(tmp_path: Path, browser: Any) -> None:
    write_feedback_page(tmp_path / "page.html")
    page = browser.new_page(viewport=PHONE)
    page.goto((tmp_path / "page.html").as_uri())
    assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]
    heading = page.locator("div.nbgrader_cell .panel-heading").bounding_box()
    score = page.locator("div.nbgrader_cell .panel-heading .pull-right").bounding_box()
    assert score["y"] + score["height"] <= heading["y"] + heading["height"]  # on the coloured heading
    code = page.locator("div.nbgrader_cell .input_area").bounding_box()
    assert code["width"] > 0.7 * PHONE["width"]
    page.close()
