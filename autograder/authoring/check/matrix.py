"""The kill matrix, which check catches which sample: as tables for a terminal and as an HTML page."""

from __future__ import annotations

from pathlib import Path

from jinja2 import Environment, PackageLoader
from rich.table import Table

from autograder.authoring.check.sample_results import Report, SampleResult
from autograder.core.output_files import refuse_output, write_output

OPTION = "--html"
NAME_WIDTH = 44
TITLE = "Do the graders tell right from wrong?"
SUMMARY_COLUMNS = (
    "exercise",
    "stub",
    "reference",
    "correct samples\naccepted",
    "buggy samples\ncaught",
    "diagnosed",
    "checks",
    "useless\nchecks",
)


def summary_table(reports: list[Report]) -> Table:
    """One row per exercise."""
    table = Table(pad_edge=False)
    for name in SUMMARY_COLUMNS:
        table.add_column(name, justify="left" if name == "exercise" else "right")
    for report in reports:
        accepted = sum(not x.misjudged() for x in report.correct_samples)
        caught = sum(not x.misjudged() for x in report.buggy_samples)
        table.add_row(
            report.id,
            f"{report.stub.score:g}",
            f"{report.reference.score:g}/{report.reference.max_score:g}",
            f"{accepted}/{len(report.correct_samples)}",
            f"{caught}/{len(report.buggy_samples)}",
            f"{sum(x.diagnosed for x in report.buggy_samples)}/{len(report.buggy_samples)}",
            str(len(report.checks)),
            str(len(report.useless())),
        )
    return table


def matrix_table(report: Report) -> Table:
    """The kill matrix of one exercise: a row per sample, a numbered column per check."""
    table = Table(pad_edge=False)
    table.add_column("", no_wrap=True, max_width=NAME_WIDTH)
    for number, _ in enumerate(report.checks, 1):
        table.add_column(str(number), justify="center", no_wrap=True, min_width=2)
    for _, rows in groups(report)[:2]:  # only the page has room for the mutants
        for row in rows:
            table.add_row(row.name, *(_cell(row, check) for check in report.checks))
        table.add_section()
    return table


def _cell(row: SampleResult, check: str) -> str:
    failed = row.failed.get(check, 0)
    return "" if not failed else "x" if failed == row.seeds else str(failed)


def groups(report: Report) -> list[tuple[str, list[SampleResult]]]:
    """The rows of the kill matrix in three blocks, each with its heading."""
    return [
        ("reference and correct samples", [report.reference, *report.correct_samples]),
        ("stub and buggy samples", [report.stub, *report.buggy_samples]),
        ("mutants of the reference", report.mutants),
    ]


def remarks(report: Report) -> list[tuple[str, list[str]]]:
    """What deserves a look: headings, each with the names that it applies to."""
    return [
        ("Useless checks (catch nothing)", report.useless()),
        ("Redundant checks (everything they catch is caught by another)", report.redundant()),
        (
            "Sole killers (the only check that catches a sample)",
            [f"{check} ({sample})" for sample, check in report.sole_killers()],
        ),
        (
            "Buggy samples that a check catches with some seeds only",
            [f"{sample} ({check}: {n})" for sample, check, n in report.flaky()],
        ),
        (
            "Buggy samples mistaken for another",
            [f"{x.name} (for {', '.join(x.misdiagnosed)})" for x in report.buggy_samples if x.misdiagnosed],
        ),
    ]


def write_page(reports: list[Report], seeds: int, path: Path) -> None:
    """Write the kill matrices of all exercises as one self-contained HTML page."""
    template = Environment(loader=PackageLoader("autograder.authoring.check"), autoescape=True).get_template(
        "matrix.html.j2"
    )
    page = template.render(
        title=TITLE,
        reports=reports,
        seeds=seeds,
        accepts=sum(len(x.false_accepts()) for x in reports),
        rejects=sum(len(x.false_rejects()) for x in reports),
        correct_samples=sum(len(x.correct_samples) for x in reports),
        buggy_samples=sum(len(x.buggy_samples) for x in reports),
        groups=groups,
        remarks=remarks,
    )
    write_output(path, page.encode(), OPTION, is_page)


def refuse_html(path: Path) -> None:
    """Raise CourseError if the page cannot be written to this file: before anything is graded for it."""
    refuse_output(path, OPTION, is_page)


def is_page(head: bytes) -> bool:
    """Whether a file begins like the page of an earlier `check`."""
    return f"<title>{TITLE}</title>".encode() in head
