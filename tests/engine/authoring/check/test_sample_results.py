"""What the samples' results say about the checks: the report, the results file, the tables and the page."""

from __future__ import annotations

import json
import re
from html.parser import HTMLParser
from pathlib import Path

import pytest

from autograder.authoring.check.matrix import matrix_table, remarks, summary_table, write_page
from autograder.authoring.check.sample_results import Report, SampleResult, as_json, summarize
from autograder.core.records import CheckResult, Diagnosis, ExerciseResult
from autograder.core.wording import LOOKS_LIKE
from autograder.feedback.terminal import to_text

NASTY = "<script>alert('&')</script>"


def result(score: float | None, diagnosis: Diagnosis | None = None, **passed: bool | None) -> ExerciseResult:
    """The result of grading a sample: its score, and whether each check, by name, passed."""
    checks = tuple(CheckResult(name, value, 1.0, "Said.") for name, value in passed.items())
    return ExerciseResult("area", score, 4.0, "partial", checks, diagnosis)


def buggy(name: str, score: float = 0.0, seeds: int = 1, **failed: int) -> SampleResult:
    return SampleResult(name, "chaff", score, 4.0, failed, seeds)


def report(
    *buggy_samples: SampleResult, mutants: tuple[SampleResult, ...] = (), name: str = "area"
) -> Report:
    """An exercise with three checks, whose reference and one correct sample get full marks."""
    right = [
        SampleResult(name, kind, 4.0, 4.0) for name, kind in (("reference", "reference"), ("odd", "wheat"))
    ]
    stub = SampleResult("stub", "stub", 0.0, 4.0, {"a": 1, "b": 1, "c": 1})
    return Report(name, ["a", "b", "c"], stub, right[0], right[1:], list(buggy_samples), list(mutants))


@pytest.mark.parametrize(
    ("kind", "score"), [("reference", 1.0), ("wheat", 1.0), ("chaff", 3.0), ("stub", 3.0), ("mutant", 3.0)]
)
def test_the_score_is_the_worst_case(kind: str, score: float) -> None:
    found = summarize("it", kind, [result(3.0), result(1.0), result(2.0)])
    assert (found.score, found.max_score, found.seeds) == (score, 4.0, 3)


def test_a_sample_without_a_score_was_not_accepted() -> None:
    assert summarize("it", "wheat", [result(4.0), result(None)]).misjudged()
    assert summarize("it", "wheat", []).score == 0.0


def test_failed_checks_are_counted_over_the_seeds() -> None:
    found = summarize(
        "it", "chaff", [result(0, a=True, b=False, c=None), result(0, a=False, b=False, c=None)]
    )
    assert found.failed == {"b": 2, "a": 1}


OWN, OTHER, GUESS = Diagnosis("it", "M"), Diagnosis("they", "M"), Diagnosis("it", LOOKS_LIKE + "M")


@pytest.mark.parametrize(
    ("diagnoses", "diagnosed", "misdiagnosed"),
    [
        ([OWN, OWN], True, []),
        ([OWN, None], False, []),
        ([OWN, GUESS], False, []),
        ([GUESS, GUESS], False, []),
        ([OWN, OTHER], False, ["they"]),
        ([OTHER, OTHER], False, ["they"]),
        ([OTHER, Diagnosis("one", "M")], False, ["one", "they"]),
        ([Diagnosis("they", LOOKS_LIKE + "M"), None], False, []),
    ],
)
def test_only_a_sure_diagnosis_with_every_seed_counts(
    diagnoses: list[Diagnosis | None], diagnosed: bool, misdiagnosed: list[str]
) -> None:
    found = summarize("it", "chaff", [result(0, diagnosis) for diagnosis in diagnoses])
    assert (found.diagnosed, found.misdiagnosed) == (diagnosed, misdiagnosed)


@pytest.mark.parametrize(
    ("kind", "score", "misjudged"),
    [
        ("stub", 0.0, False), ("stub", 0.5, True), ("chaff", 3.9, False), ("chaff", 4.0, True),
        ("wheat", 3.9, True), ("wheat", 4.0, False), ("reference", 3.9, True), ("reference", 4.0, False),
        ("mutant", 4.0, True), ("mutant", 0.0, False),
    ],
)  # fmt: skip
def test_when_the_graders_misjudge_a_sample(kind: str, score: float, misjudged: bool) -> None:
    assert SampleResult("it", kind, score, 4.0).misjudged() is misjudged


def test_false_accepts_and_rejects_are_named() -> None:
    found = report(buggy("caught", a=1), buggy("missed", 4.0))
    assert (found.false_accepts(), found.false_rejects()) == (["missed"], [])
    found.stub.score = 0.1
    found.correct_samples.append(SampleResult("refused", "wheat", 3.0, 4.0))
    found.reference.score = 3.0
    assert found.false_accepts() == ["missed", "the stub"]
    assert found.false_rejects() == ["refused", "the reference"]


def test_useless_checks_catch_no_buggy_sample_and_no_mutant() -> None:
    """The stub fails every check, so it does not count."""
    assert report(buggy("x", a=1)).useless() == ["b", "c"]
    assert report(buggy("x", a=1), mutants=(SampleResult("m", "mutant", 0, 4, {"c": 1}),)).useless() == ["b"]


def test_redundant_checks_catch_only_what_others_catch_too() -> None:
    assert report(buggy("x", a=1, b=1), buggy("y", b=1, c=1)).redundant() == ["a", "b", "c"]
    assert report(buggy("x", a=1, b=1), buggy("y", b=1)).redundant() == ["a", "c"]
    mutant = SampleResult("m", "mutant", 0, 4, {"a": 1})  # other checks may catch it too: they were not run
    assert report(buggy("x", a=1, b=1), mutants=(mutant,)).redundant() == ["a", "b", "c"]


def test_a_sole_killer_is_the_only_check_that_catches_a_sample() -> None:
    assert report(buggy("x", a=1, b=1), buggy("y", c=1), buggy("z", 4.0)).sole_killers() == [("y", "c")]


def test_flaky_catches_are_named_with_the_number_of_seeds() -> None:
    found = report(buggy("x", seeds=3, a=3, b=2), buggy("y", seeds=3, c=1), buggy("z", seeds=3, a=3))
    assert found.flaky() == [("x", "b", 2), ("y", "c", 1)]


def test_the_results_file_has_the_public_keys_and_no_others() -> None:
    found = report(buggy("x", 1.5, b=1, a=1), mutants=(buggy("m"),))
    found.buggy_samples[0].diagnosed = True
    data = json.loads(json.dumps(as_json([found])))
    assert data == {
        "schema": 1,
        "exercises": [
            {
                "id": "area",
                "stub": {"score": 0.0},
                "reference": {"score": 4.0, "max_score": 4.0},
                "wheats": [{"name": "odd", "score": 4.0, "max_score": 4.0}],
                "chaffs": [
                    {
                        "name": "x",
                        "score": 1.5,
                        "max_score": 4.0,
                        "failed_checks": ["a", "b"],
                        "diagnosed": True,
                    }
                ],
            }
        ],
    }


def rows(text: str) -> list[list[str]]:
    """The cells of a table as it is printed."""
    lines = [line for line in text.splitlines() if "│" in line]
    return [[part.strip() for part in line.strip("│").split("│")] for line in lines]


def test_the_summary_has_one_row_per_exercise() -> None:
    first = report(buggy("x", a=1), buggy("y", 4.0))
    first.buggy_samples[0].diagnosed = True
    first.correct_samples.append(SampleResult("refused", "wheat", 3.0, 4.0))
    table = rows(to_text(summary_table([first, report(buggy("x", a=1), name="edge")]), 120, False))
    assert table == [
        ["area", "0", "4/4", "1/2", "1/2", "1/2", "3", "2"],
        ["edge", "0", "4/4", "1/1", "1/1", "0/1", "3", "2"],
    ]


def test_the_matrix_shows_which_sample_fails_which_check() -> None:
    """In the terminal without mutants: there are too many of them."""
    found = report(buggy("x", seeds=2, a=2, c=1), mutants=(SampleResult("m", "mutant", 0, 4, {"b": 1}),))
    assert rows(to_text(matrix_table(found), 120, False)) == [
        ["reference", "", "", ""],
        ["odd", "", "", ""],
        ["stub", "x", "x", "x"],
        ["x", "x", "", "1"],
    ]


def test_remarks_name_what_deserves_a_look() -> None:
    found = report(buggy("x", seeds=2, a=2), buggy("y", seeds=2, a=1, b=2))
    found.buggy_samples[1].misdiagnosed = ["x", "z"]
    assert dict(remarks(found)) == {
        "Useless checks (catch nothing)": ["c"],
        "Redundant checks (everything they catch is caught by another)": ["b", "c"],
        "Sole killers (the only check that catches a sample)": ["a (x)"],
        "Buggy samples that a check catches with some seeds only": ["y (a: 1)"],
        "Buggy samples mistaken for another": ["y (for x, z)"],
    }
    assert not any(names for _, names in remarks(Report("empty", [], found.stub, found.reference)))


class Page(HTMLParser):
    """A page's tags, attributes and tables; fails if a tag is not closed."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str]] = []
        self.rows: list[list[str]] = []
        self.open: list[str] = []
        self.feed(text)
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += [(name, value or "") for name, value in attrs]
        if tag == "tr":
            self.rows.append([])
        elif tag in ("td", "th"):
            kind = dict(attrs).get("class") or ""
            self.rows[-1].append(f"{kind}:" if kind and tag == "td" else "")
        if tag != "meta":
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if {"td", "th"} & set(self.open):
            self.rows[-1][-1] += data.strip()


@pytest.fixture
def page(tmp_path: Path) -> str:
    """Two exercises. In the first everything goes wrong, and some names contain HTML."""
    first = report(buggy(NASTY, seeds=3, a=3, b=1), buggy("missed", 4.0, seeds=3), name="area")
    first.buggy_samples[0].diagnosed = True
    first.buggy_samples[1].misdiagnosed = [NASTY]
    first.correct_samples.append(SampleResult("refused", "wheat", 3.5, 4.0, {"c": 3}, 3))
    first.checks = ["a", "b", "c", 'd["<&>"]']
    second = report(
        buggy("x", 4.0), mutants=(SampleResult("a < b  =>  a > b", "mutant", 0, 4, {"a": 1}),), name="edge"
    )
    write_page([first, second], 3, tmp_path / "page.html")
    return (tmp_path / "page.html").read_text(encoding="utf-8")


def test_the_page_shows_the_numbers(page: str) -> None:
    shown = {name: int(n) for n, name in re.findall(r"<b>(\d+)</b> ([\w ]+)<", page)}
    assert shown == {
        "false accepts": 2,
        "false rejects": 1,
        "correct samples": 3,
        "buggy samples": 3,
        "seeds": 3,
    }
    kinds = re.findall(r'class="number (bad|good)"', page)
    assert kinds == ["bad", "bad"]


def test_the_page_of_good_graders_says_so(tmp_path: Path) -> None:
    write_page([report(buggy("x", a=1))], 1, tmp_path / "page.html")
    text = (tmp_path / "page.html").read_text(encoding="utf-8")
    assert re.findall(r'class="number (bad|good)"><b>(\d)', text) == [("good", "0"), ("good", "0")]
    assert "<b>1</b> seed<" in text


def test_the_page_needs_no_other_file(page: str) -> None:
    parsed = Page(page)
    assert not {"script", "link", "img", "iframe", "object", "embed", "base"} & set(parsed.tags)
    assert not {"src", "srcset", "data", "action", "style"} & {name for name, _ in parsed.attributes}
    anchors = {value for name, value in parsed.attributes if name == "href"}
    assert anchors == {f"#{value}" for name, value in parsed.attributes if name == "id"} == {"#area", "#edge"}
    assert not re.search(r"@import|url\(|https?:", page)


def test_names_cannot_change_the_page(page: str) -> None:
    assert "<script" not in page
    assert page.count("&lt;script&gt;") == 3  # its row, its flaky catch, and the sample mistaken for it
    assert 'title="d[&#34;&lt;&amp;&gt;&#34;]"' in page


def test_the_page_s_table_is_the_kill_matrix(page: str) -> None:
    assert Page(page).rows == [
        ["", "score", "1", "2", "3", "4"],
        ["reference and correct samples"],
        ["reference", "4/4", "", "", "", ""],
        ["odd", "4/4", "", "", "", ""],
        ["refused", "wrong:3.5/4", "", "", "kill:×", ""],
        ["stub and buggy samples"],
        ["stub", "0/4", "kill:×", "kill:×", "kill:×", ""],
        [f"{NASTY}diagnosed", "0/4", "kill:×", "some:1", "", ""],
        ["missed", "wrong:4/4", "", "", "", ""],
        ["", "score", "1", "2", "3"],
        ["reference and correct samples"],
        ["reference", "4/4", "", "", ""],
        ["odd", "4/4", "", "", ""],
        ["stub and buggy samples"],
        ["stub", "0/4", "kill:×", "kill:×", "kill:×"],
        ["x", "wrong:4/4", "", "", ""],
        ["mutants of the reference"],
        ["a < b  =>  a > b", "0/4", "kill:×", "", ""],
    ]
