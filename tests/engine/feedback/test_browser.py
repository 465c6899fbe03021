"""A real browser opens a page made of a student's notebook, and asks nobody for anything."""

from __future__ import annotations

import shutil
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from nbconvert.exporters import HTMLExporter

from autograder.feedback.sanitize import SanitizeHtml
from tests.engine.feedback.test_sanitize import ADDRESS, FETCHING, SVG, notebook_of, output
from tests.engine.support.small_course import cell

pytestmark = pytest.mark.slow

playwright = pytest.importorskip("playwright.sync_api", reason="no Playwright here: pip install playwright")
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "chrome")
WAIT = 1500  # milliseconds after the page was loaded; the page that is not sanitized needs 100


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
def opened() -> Iterator[Callable[[Path], list[str]]]:
    """Open a page in Chromium; returns the addresses of all requests but the page itself."""
    with playwright.sync_playwright() as driver:
        found = [x for x in (*map(shutil.which, BROWSERS), driver.chromium.executable_path) if x]
        paths = [x for x in found if Path(x).exists()]
        if not paths:
            pytest.skip("no Chromium here: apt install chromium, or playwright install chromium")
        browser = driver.chromium.launch(
            executable_path=paths[0], args=["--no-sandbox", "--disable-dev-shm-usage"]
        )

        def visit(path: Path) -> list[str]:
            page, asked = browser.new_page(), []
            page.on("request", lambda request: asked.append(request.url))
            page.goto(path.as_uri(), wait_until="commit")
            page.wait_for_timeout(WAIT)
            page.close()
            return [x for x in asked if x != path.as_uri() and not x.startswith("data:")]

        yield visit
        browser.close()


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


def remote(requests: list[str], address: str) -> list[str]:
    """The requests that a student's notebook has caused: to the server, or to the page's own folder."""
    return [x for x in requests if x.startswith((address, "file:", "http://spy", "https://spy"))]


def test_a_browser_fetches_nothing_that_a_notebook_names(
    tmp_path: Path, server: tuple[str, list[str]], opened: Callable[[Path], list[str]]
) -> None:
    address, asked = server
    write_page(tmp_path / "raw.html", address, sanitize=False)
    opened(tmp_path / "raw.html")
    assert len(asked) > 15  # the notebook does ask for things when nobody stops it
    asked.clear()
    write_page(tmp_path / "page.html", address, sanitize=True)
    assert remote(opened(tmp_path / "page.html"), address) == []
    assert asked == []
