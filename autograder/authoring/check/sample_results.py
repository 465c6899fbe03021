"""What `autograder check` found: who lost points by which checks, and what that says of the checks."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import msgspec

from autograder.core.records import ExerciseResult

RIGHT = ("reference", "wheat")


class SampleResult(msgspec.Struct):
    """One sample over all seeds; the score is the one that would be the mistake (see `standing`)."""

    name: str
    kind: str
    score: float
    max_score: float
    failed: dict[str, int] = {}
    """In how many seeds each check failed; a check that never did is left out."""
    seeds: int = 1
    diagnosed: bool = False
    misnamed: list[str] = []
    """Other chaffs that this one was told to be, as a fact."""

    def mistaken(self) -> bool:
        """Whether the graders got this one wrong in any seed."""
        if self.kind == "stub":
            return self.score > 0
        return self.score < self.max_score if self.kind in RIGHT else self.score >= self.max_score


def standing(name: str, kind: str, found: list[ExerciseResult]) -> SampleResult:
    """The lowest score of what is right, the highest of what is wrong."""
    scores = [result.score or 0.0 for result in found] or [0.0]
    failed: dict[str, int] = {}
    for result in found:
        for check in result.checks:
            if check.passed is False:
                failed[check.name] = failed.get(check.name, 0) + 1
    named = [x.diagnosis.chaff for x in found if x.diagnosis and x.diagnosis.sure]
    return SampleResult(
        name,
        kind,
        min(scores) if kind in RIGHT else max(scores),
        found[0].max_score if found else 0.0,
        failed,
        len(found),
        bool(found) and named == [name] * len(found),
        sorted(set(named) - {name}),
    )


class Report(msgspec.Struct):
    """One exercise: its checks in their order, and everyone who sat it."""

    id: str
    checks: list[str]
    stub: SampleResult
    reference: SampleResult
    wheats: list[SampleResult] = []
    chaffs: list[SampleResult] = []
    mutants: list[SampleResult] = []

    def false_accepts(self) -> list[str]:
        names = [x.name for x in self.chaffs if x.mistaken()]
        return names + (["the stub"] if self.stub.mistaken() else [])

    def false_rejects(self) -> list[str]:
        names = [x.name for x in self.wheats if x.mistaken()]
        return names + (["the reference"] if self.reference.mistaken() else [])

    def useless(self) -> list[str]:
        """Checks that catch no chaff and no mutant."""
        return [name for name in self.checks if not any(name in x.failed for x in self._wrong())]

    def redundant(self) -> list[str]:
        """Checks without which another would still catch every chaff (of a mutant, one catch is known)."""
        needed = {check for _, check in self.sole_killers()}
        return [name for name in self.checks if name not in needed]

    def sole_killers(self) -> list[tuple[str, str]]:
        """Chaffs that one check alone catches, with that check."""
        return [(x.name, next(iter(x.failed))) for x in self.chaffs if len(x.failed) == 1]

    def flaky(self) -> list[tuple[str, str, int]]:
        """Chaffs that a check catches in some seeds only, though it may be caught by others in all."""
        return [(x.name, check, n) for x in self.chaffs for check, n in x.failed.items() if n < x.seeds]

    def _wrong(self) -> Iterable[SampleResult]:
        return [*self.chaffs, *self.mutants]


def as_json(reports: list[Report]) -> dict[str, Any]:
    """The results file, with the keys that the interface fixes."""
    return {"schema": 1, "exercises": [_entry(report) for report in reports]}


def _entry(report: Report) -> dict[str, Any]:
    reference = report.reference
    return {
        "id": report.id,
        "stub": {"score": report.stub.score},
        "reference": {"score": reference.score, "max_score": reference.max_score},
        "wheats": [{"name": x.name, "score": x.score, "max_score": x.max_score} for x in report.wheats],
        "chaffs": [
            {
                "name": x.name,
                "score": x.score,
                "max_score": x.max_score,
                "failed_checks": sorted(x.failed),
                "diagnosed": x.diagnosed,
            }
            for x in report.chaffs
        ],
    }
