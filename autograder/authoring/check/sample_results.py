"""How the samples fared in `autograder check`, and what that says about the checks."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import msgspec

from autograder.core.records import ExerciseResult

CORRECT_KINDS = ("reference", "wheat")


class SampleResult(msgspec.Struct):
    """One sample, over all seeds; `score` is the worst case (see `summarize`)."""

    name: str
    kind: str
    score: float
    max_score: float
    failed: dict[str, int] = {}
    """With how many seeds each check failed. Checks that never failed are left out."""
    seeds: int = 1
    diagnosed: bool = False
    """Whether the diagnosis named this buggy sample, and was sure of it, with every seed."""
    misdiagnosed: list[str] = []
    """Other buggy samples that a sure diagnosis took this one for."""

    def misjudged(self) -> bool:
        """Whether the graders were wrong about this sample with any seed."""
        if self.kind == "stub":
            return self.score > 0
        return self.score < self.max_score if self.kind in CORRECT_KINDS else self.score >= self.max_score


def summarize(name: str, kind: str, results: list[ExerciseResult]) -> SampleResult:
    """Combine a sample's results from all seeds.

    `score` is the worst case: the lowest score of a correct sample, the highest of a buggy one.
    """
    scores = [result.score or 0.0 for result in results] or [0.0]
    failed: dict[str, int] = {}
    for result in results:
        for check in result.checks:
            if check.passed is False:
                failed[check.name] = failed.get(check.name, 0) + 1
    diagnoses = [x.diagnosis.chaff for x in results if x.diagnosis and x.diagnosis.sure]
    return SampleResult(
        name,
        kind,
        min(scores) if kind in CORRECT_KINDS else max(scores),
        results[0].max_score if results else 0.0,
        failed,
        len(results),
        bool(results) and diagnoses == [name] * len(results),
        sorted(set(diagnoses) - {name}),
    )


class Report(msgspec.Struct):
    """One exercise: its checks, in order, and the result of everything that was graded."""

    id: str
    checks: list[str]
    stub: SampleResult
    reference: SampleResult
    correct_samples: list[SampleResult] = []
    buggy_samples: list[SampleResult] = []
    mutants: list[SampleResult] = []

    def false_accepts(self) -> list[str]:
        names = [x.name for x in self.buggy_samples if x.misjudged()]
        return names + (["the stub"] if self.stub.misjudged() else [])

    def false_rejects(self) -> list[str]:
        names = [x.name for x in self.correct_samples if x.misjudged()]
        return names + (["the reference"] if self.reference.misjudged() else [])

    def useless(self) -> list[str]:
        """Checks that catch no buggy sample and no mutant."""
        return [name for name in self.checks if not any(name in x.failed for x in self._buggy())]

    def redundant(self) -> list[str]:
        """Checks whose buggy samples are all caught by another check too.

        Mutants do not count: they are graded only until the first check fails.
        """
        needed = {check for _, check in self.sole_killers()}
        return [name for name in self.checks if name not in needed]

    def sole_killers(self) -> list[tuple[str, str]]:
        """Buggy samples that only one check catches, with that check."""
        return [(x.name, next(iter(x.failed))) for x in self.buggy_samples if len(x.failed) == 1]

    def flaky(self) -> list[tuple[str, str, int]]:
        """Buggy samples, each with a check that catches it with some seeds only, and the number of those."""
        return [
            (x.name, check, n) for x in self.buggy_samples for check, n in x.failed.items() if n < x.seeds
        ]

    def _buggy(self) -> Iterable[SampleResult]:
        return [*self.buggy_samples, *self.mutants]


def as_json(reports: list[Report]) -> dict[str, Any]:
    """The content of the file that `--json` writes; its keys are a public format."""
    return {"schema": 1, "exercises": [_entry(report) for report in reports]}


def _entry(report: Report) -> dict[str, Any]:
    reference = report.reference
    return {
        "id": report.id,
        "stub": {"score": report.stub.score},
        "reference": {"score": reference.score, "max_score": reference.max_score},
        "wheats": [
            {"name": x.name, "score": x.score, "max_score": x.max_score} for x in report.correct_samples
        ],
        "chaffs": [
            {
                "name": x.name,
                "score": x.score,
                "max_score": x.max_score,
                "failed_checks": sorted(x.failed),
                "diagnosed": x.diagnosed,
            }
            for x in report.buggy_samples
        ],
    }
