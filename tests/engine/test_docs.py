"""README, docs and help texts agree: links lead somewhere, and every command and option is documented."""

from __future__ import annotations

import re
from pathlib import Path

import msgspec
import pytest
import typer

from autograder.cli import app
from autograder.core.settings import Settings
from tests.engine.gpu.figures import BEGIN, END

ROOT = Path(__file__).parents[2]
PAGES = [*sorted(ROOT.glob("*.md")), *sorted(ROOT.glob("docs/*.md"))]
COMMANDS = typer.main.get_command(app).commands  # type: ignore[attr-defined]  # a group
INSTRUCTORS = (ROOT / "docs/instructors.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_to_files(page: Path) -> None:
    links = re.findall(r"\]\((?!https?:|#)([^)#]+)", page.read_text(encoding="utf-8"))
    assert [link for link in links if not (page.parent / link).exists()] == []


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_and_option_is_documented(name: str) -> None:
    assert f"`autograder {name}" in INSTRUCTORS
    row = next(line for line in INSTRUCTORS.splitlines() if line.startswith(f"| `autograder {name}"))
    options = {opt for param in COMMANDS[name].params for opt in param.opts if opt.startswith("--")}
    common = {"--course", "--help"}
    assert [option for option in sorted(options - common) if option not in row] == []


def test_every_setting_is_documented() -> None:
    times = msgspec.structs.asdict(Settings().time)
    memory = msgspec.structs.asdict(Settings())["memory"].__dataclass_fields__
    settings = [*times, *memory, *(x for x in Settings.__struct_fields__ if x not in ("time", "memory"))]
    assert [name for name in settings if not re.search(rf"^ *{name} = ", INSTRUCTORS, re.M)] == []


def test_the_readme_is_short() -> None:
    assert len((ROOT / "README.md").read_bytes()) < 6000


def test_readme_and_gpu_page_agree_on_whether_a_card_has_been_tried() -> None:
    page = (ROOT / "docs/gpu.md").read_text(encoding="utf-8")
    figures = page.partition(BEGIN)[2].partition(END)[0].strip()
    assert figures, "docs/gpu.md has no place for the figures of make gpu"
    untried = "has not been run on one yet" in (ROOT / "README.md").read_text(encoding="utf-8")
    assert untried == figures.startswith("No run on a card has been made yet")
