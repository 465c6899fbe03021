"""What a reader's browser must never do for a student's notebook: run something, or fetch something."""

from __future__ import annotations

import base64
import re
from html.parser import HTMLParser
from typing import Any
from urllib.parse import quote

import pytest
from nbformat import NotebookNode, from_dict

from autograder.feedback.sanitize import SanitizeHtml, clean
from tests.engine.support.small_course import cell

ADDRESS = "https://spy.example/pixel.png"
SVG = f'<svg xmlns="http://www.w3.org/2000/svg"><image href="{ADDRESS}"/><style>@import "{ADDRESS}";</style></svg>'
FETCHING = [
    f'<img src="{ADDRESS}">',
    '<img src="//spy.example/pixel.png">',
    '<img src="/formgrader/api/anything">',
    f'<img src=" \n{ADDRESS}">',
    f'<img srcset="{ADDRESS} 2x" src="data:image/png;base64,aGk=">',
    f'<picture><source srcset="{ADDRESS}"><img src="{ADDRESS}"></picture>',
    f'<video poster="{ADDRESS}" src="{ADDRESS}" autoplay></video><audio src="{ADDRESS}" autoplay></audio>',
    f'<link rel="stylesheet" href="{ADDRESS}"><link rel="prefetch" href="{ADDRESS}">',
    f'<link rel="preconnect" href="{ADDRESS}"><base href="{ADDRESS}">',
    f"<style>body {{ background: url({ADDRESS}) }}</style><style>@import '{ADDRESS}';</style>",
    f'<div style="background-image: url({ADDRESS})">x</div>',
    f'<div style="background: u\\72l({ADDRESS})">x</div>',
    f"<p style=\"width: attr(title type(&lt;url&gt;)); border-image: image-set('{ADDRESS}' 1x)\">x</p>",
    f'<table background="{ADDRESS}"><tr><td background="{ADDRESS}">x</td></tr></table>',
    f'<iframe src="{ADDRESS}"></iframe><embed src="{ADDRESS}"><object data="{ADDRESS}"></object>',
    f'<input type="image" src="{ADDRESS}"><button formaction="{ADDRESS}">x</button>',
    f'<svg><image href="{ADDRESS}"/><use href="{ADDRESS}#x"/></svg>',
    f'<svg><feImage xlink:href="{ADDRESS}"/></svg><math><mglyph src="{ADDRESS}"/></math>',
    f'<body background="{ADDRESS}"><meta http-equiv="refresh" content="0; url={ADDRESS}">',
    f'<script type="speculationrules">{{"prefetch": [{{"urls": ["{ADDRESS}"]}}]}}</script>',
    f'<a href="#" ping="{ADDRESS}">x</a>',
    SVG,
]
LOADING = {"src", "srcset", "poster", "background", "data", "ping", "action", "formaction", "xlink:href"}


class Fetches(HTMLParser):
    """Collects what a page would load by itself, apart from pictures that it contains."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.found: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        for name, value in attrs:
            contained = re.match(r"data:image/(png|jpeg|gif|svg\+xml);base64,", value or "")
            loads = (
                name in LOADING
                or (name == "href" and tag != "a")
                or "url" in (value or "") * (name == "style")
            )
            if loads and not contained:
                self.found.append(f"{tag} {name}={value}")


@pytest.mark.parametrize("page", FETCHING)
def test_nothing_is_fetched(page: str) -> None:
    assert Fetches(clean(page)).found == []
    if "<img " not in page:
        assert ADDRESS not in clean(page)


def sanitized(made: NotebookNode) -> NotebookNode:
    notebook, _ = SanitizeHtml().preprocess(made, {})
    return notebook  # type: ignore[no-any-return]


def output(**data: str) -> dict[str, Any]:
    mimes = {name.replace("_", "/"): text for name, text in data.items()}
    return {"output_type": "display_data", "metadata": {}, "data": mimes}


def notebook_of(*cells: dict[str, Any], **metadata: Any) -> NotebookNode:
    return from_dict({"nbformat": 4, "nbformat_minor": 5, "metadata": metadata, "cells": list(cells)})  # type: ignore[no-any-return]


@pytest.mark.parametrize(
    "text",
    [
        f"![net]({ADDRESS})",
        f'![net]({ADDRESS} "title")',
        f"![net][1]\n\n[1]: {ADDRESS}",
        f'<img src="{ADDRESS}">',
    ],
)
def test_remote_pictures_in_markdown(text: str) -> None:
    code = cell("b", "x") | {"outputs": [output(text_markdown=text, text_plain="x")]}
    made = sanitized(notebook_of(cell("a", text, "markdown"), code))
    assert Fetches(made.cells[0].source).found == []
    assert Fetches(made.cells[1].outputs[0].data["text/html"]).found == []


def test_what_is_not_loaded_is_named() -> None:
    page = clean(f'<img alt="a net" src="{ADDRESS}">')
    found = re.fullmatch(r'<img alt="a net" src="data:image/svg\+xml;base64,([^"]*)">', page)
    assert found
    assert f"[picture not loaded, since it is not part of the notebook: {ADDRESS}]" in (
        base64.b64decode(found[1]).decode()
    )


@pytest.mark.parametrize("kind", ["png", "jpeg", "gif", "svg+xml"])
def test_pictures_in_the_notebook_stay(kind: str) -> None:
    picture = f'<img src="data:image/{kind};base64,aGk=">'
    assert clean(picture) == picture


PASTED = {"a b&c.png": {"image/png": "aGk="}, "large.png": {"image/png": "aGk=" * 200_000}}


@pytest.mark.parametrize(
    "text",
    [
        "![net](attachment:a%20b&c.png)",
        "![net](<attachment:a b&c.png>)",
        '<img src="attachment:a b&amp;c.png" width="30">',
        '<img title=">" src="attachment:a b&amp;c.png">',
        "![net](attachment:large.png)",
    ],
)
def test_pasted_pictures_are_shown(text: str) -> None:
    made = sanitized(notebook_of(cell("a", text, "markdown") | {"attachments": PASTED}))
    assert 'src="data:image/png;base64,aGk=' in made.cells[0].source
    assert "attachments" not in made.cells[0]


@pytest.mark.parametrize(
    "text",
    [
        "![](attachment:image.png)",
        '<img src="attachment:image.png">',
        "![](attachment:)",
        '![](attachment:a"b)',
    ],
)
def test_a_pasted_picture_that_is_gone_is_named(text: str) -> None:
    """nbconvert would write no page at all."""
    code = cell("b", "x") | {"outputs": [output(text_markdown=text)]}
    made = sanitized(notebook_of(cell("a", text, "markdown"), code))
    for page in (made.cells[0].source, made.cells[1].outputs[0].data["text/html"]):
        assert 'src="data:image/svg+xml;base64,' in page
        assert 'src="attachment:' not in page


@pytest.mark.parametrize(
    "bundle", [{"image/png": 'aGk="><script>'}, {"text/html": "aGk="}, {"image/svg+xml;x": "aGk="}]
)
def test_attachments_that_are_no_pictures(bundle: dict[str, str]) -> None:
    text = "![](attachment:a) [link](attachment:a)"
    made = sanitized(notebook_of(cell("a", text, "markdown") | {"attachments": {"a": bundle}}))
    assert "script" not in made.cells[0].source
    assert "attachment:" not in made.cells[0].source
    assert "aGk=" not in made.cells[0].source


def test_talk_about_attachments_stays() -> None:
    text = '`<img src="attachment:a">`'
    made = sanitized(notebook_of(cell("a", text, "markdown") | {"attachments": {"a": {"image/png": "aGk="}}}))
    assert "aGk=" not in made.cells[0].source


@pytest.mark.parametrize("text", ["\\begin{a} " * 20_000, "a " * 300_000], ids=["environments", "letters"])
def test_text_that_would_take_hours_is_left_out(text: str) -> None:
    made = sanitized(notebook_of(cell("a", text, "markdown")))
    assert "too long to show" in made.cells[0].source


NAMES = ("image.png", "My plot (1).png", "häufig & schön.png")


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(
    "form", ["![x](<attachment:{}>)", "![x](attachment:{quoted})", '<img src="attachment:{}" width="40">']
)
def test_attached_pictures_are_shown(name: str, form: str) -> None:
    """What a student pastes into a written answer. It may be longer than a cell whose HTML is shown."""
    data = base64.b64encode(bytes(600_000)).decode()
    answer = cell("a", f"before {form.format(name, quoted=quote(name))} after", "markdown")
    other = {"image/png": "aGk="}
    answer["attachments"] = {"other.png": other, name: {"image/png": [data[:90] + "\n", data[90:]]}}
    (made,) = sanitized(notebook_of(answer)).cells
    assert f'src="data:image/png;base64,{data}"' in made.source
    assert "aGk=" not in made.source
    assert "attachments" not in made


@pytest.mark.parametrize(
    "attachments",
    [{}, {"gone.png": {}}, {"gone.png": {"text/html": "<b>"}}, {"gone.png": {"image/png": "x)"}}],
)
def test_a_missing_attachment_is_named(attachments: dict[str, Any]) -> None:
    answer = cell("a", "![x](attachment:gone.png) and more", "markdown") | {"attachments": attachments}
    (made,) = sanitized(notebook_of(answer)).cells
    (shown,) = re.findall(r'src="data:image/svg\+xml;base64,([^"]*)"', made.source)
    assert "attachment:gone.png" in base64.b64decode(shown).decode()
    assert "and more" in made.source


def test_harmless_styles_stay() -> None:
    row = '<td style="color:rgb(1, 2, 3);width:calc(100% - 2px);font-family:&quot;DejaVu Sans&quot;">x</td>'
    assert "rgb(1, 2, 3)" in clean(f"<table><tr>{row}</tr></table>")
    assert "calc(100% - 2px)" in clean(f"<table><tr>{row}</tr></table>")


FORMULAS = [
    rf"$\style{{background: url({ADDRESS})}}{{x}}$",
    rf"$\sty<b></b>le{{background: url({ADDRESS})}}{{x}}$",
    rf"$\sty<!-- -->le{{background: url({ADDRESS})}}{{x}}$",
    rf"$\sty<font>le</font>{{background: url({ADDRESS})}}{{x}}$",
    rf'$\mmlToken{{mi}}[style="background: url({ADDRESS})"]{{x}}$',
    r"$\href{javascript:alert(1)}{x} \cssId{a}{x} \class{modal}{x} \require{html}$",
]


@pytest.mark.parametrize("formula", FORMULAS)
def test_formulas_cannot_load_or_cover_anything(formula: str) -> None:
    code = cell("b", "x") | {"outputs": [output(text_html=formula), output(text_latex=formula)]}
    made = sanitized(notebook_of(cell("a", formula, "markdown"), code))
    markdown = re.sub(r"&#(\d+);", lambda x: chr(int(x[1])), made.cells[0].source)
    html, latex = (x.data for x in made.cells[1].outputs)
    for text in (markdown, html["text/html"], latex["text/latex"]):
        assert not re.search(r"\\(style|mmlToken|href|cssId|class|require)\b", text)


def test_ordinary_formulas_stay() -> None:
    formula = r"$\frac{\partial L}{\partial w} = \text{style} \hrefs \classical$"
    assert clean(formula) == formula


def test_widgets_load_no_scripts() -> None:
    state = {"application/vnd.jupyter.widget-state+json": {"state": {}}}
    assert "widgets" not in sanitized(notebook_of(cell("a", "x"), widgets=state)).metadata
