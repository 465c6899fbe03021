"""The kill matrix: which check catches which chaff, for a terminal and as one HTML page."""

from __future__ import annotations

from pathlib import Path

from jinja2 import Environment, PackageLoader
from rich.table import Table

from autograder.authoring.check.sample_results import Report, SampleResult

NAME_WIDTH = 44
TITLE = "Do the graders tell right from wrong?"


def summary_table(reports: list[Report]) -> Table:
    """One row for each exercise."""
    table = Table(pad_edge=False)
    columns = ("exercise", "stub", "reference", "wheats full", "chaffs caught", "diagnosed", "checks", "idle")
    for name in columns:
        table.add_column(name, justify="left" if name == "exercise" else "right")
    for report in reports:
        full = sum(not x.mistaken() for x in report.wheats)
        caught = sum(not x.mistaken() for x in report.chaffs)
        table.add_row(
            report.id,
            f"{report.stub.score:g}",
            f"{report.reference.score:g}/{report.reference.max_score:g}",
            f"{full}/{len(report.wheats)}",
            f"{caught}/{len(report.chaffs)}",
            f"{sum(x.diagnosed for x in report.chaffs)}/{len(report.chaffs)}",
            str(len(report.checks)),
            str(len(report.useless())),
        )
    return table


def matrix_table(report: Report) -> Table:
    """One exercise: its checks across by number, its samples down."""
    table = Table(pad_edge=False)
    table.add_column("", no_wrap=True, max_width=NAME_WIDTH)
    for number, _ in enumerate(report.checks, 1):
        table.add_column(str(number), justify="center", no_wrap=True, min_width=2)
    for _, rows in groups(report)[:2]:  # the page alone has room for the mutants
        for row in rows:
            table.add_row(row.name, *(_cell(row, check) for check in report.checks))
        table.add_section()
    return table


def _cell(row: SampleResult, check: str) -> str:
    failed = row.failed.get(check, 0)
    return "" if not failed else "x" if failed == row.seeds else str(failed)


def groups(report: Report) -> list[tuple[str, list[SampleResult]]]:
    return [
        ("right", [report.reference, *report.wheats]),
        ("wrong", [report.stub, *report.chaffs]),
        ("mutants of the reference", report.mutants),
    ]


def remarks(report: Report) -> list[tuple[str, list[str]]]:
    """What deserves a look, each with the names it is about."""
    return [
        ("Checks that catch nothing", report.useless()),
        ("Checks whose catch others catch too", report.redundant()),
        ("Chaffs that one check alone catches", [f"{x} ({check})" for x, check in report.sole_killers()]),
        (
            "Caught by a check in some seeds only",
            [f"{x} ({check}: {n})" for x, check, n in report.flaky()],
        ),
        (
            "Told to be another chaff",
            [f"{x.name} (as {', '.join(x.misnamed)})" for x in report.chaffs if x.misnamed],
        ),
    ]


def write_page(reports: list[Report], seeds: int, path: Path) -> None:
    """The whole matrix as one page that needs no other file."""
    template = Environment(loader=PackageLoader("autograder.authoring.check"), autoescape=True).get_template(
        "matrix.html.j2"
    )
    page = template.render(
        title=TITLE,
        reports=reports,
        seeds=seeds,
        accepts=sum(len(x.false_accepts()) for x in reports),
        rejects=sum(len(x.false_rejects()) for x in reports),
        wheats=sum(len(x.wheats) for x in reports),
        chaffs=sum(len(x.chaffs) for x in reports),
        groups=groups,
        remarks=remarks,
    )
    path.write_text(page, encoding="utf-8")
