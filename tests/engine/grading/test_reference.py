"""The reference solution behind a proxy: what it keeps between checks, and what it lets go of."""

from __future__ import annotations

import gc
import weakref
from typing import Any

import pytest
import torch

from autograder.grading import reference as module
from autograder.grading.reference import ReferenceProxy
from autograder.process.proxy import ReferenceRaised
from autograder.protocol.values import ObjectRef


class Net:
    """An object that stays where it is."""


def test_objects_live_as_long_as_their_check() -> None:
    made: list[weakref.ref[Net]] = []

    def make() -> Net:
        net = Net()
        made.append(weakref.ref(net))
        return net

    reference = ReferenceProxy({"make": make, "same": lambda x, y: x is y})
    for _ in range(3):  # three submissions
        reference.start_over()
        net = reference.make()
        assert isinstance(net, ObjectRef)
        assert reference.same(net, net)
    gc.collect()
    assert [x() is not None for x in made] == [False, False, True]


def test_a_reference_from_an_earlier_check_never_means_another_object() -> None:
    reference = ReferenceProxy({"make": Net, "name": lambda x: type(x).__name__})
    net = reference.make()
    reference.start_over()
    assert reference.make().number != net.number
    with pytest.raises(ReferenceRaised, match="there is no object 0"):
        reference.name(net)


def test_answers_about_a_submissions_own_values_make_room(monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[Any] = []

    def mean(x: torch.Tensor) -> float:
        calls.append(1)
        return float(x.mean())

    monkeypatch.setattr(module, "MAX_CACHED_BYTES", 10_000)
    reference = ReferenceProxy({"mean": mean})
    drawn = torch.arange(100.0)
    for submission in range(100):
        assert reference.mean(drawn) == 49.5
        assert reference.mean(torch.full((100,), float(submission))) == submission
    assert len(calls) == 101, "the input that all have is computed once"
    assert 5_000 < sum(size for _, size in reference._responses.values()) <= 10_000
    assert reference.mean(torch.zeros(10_000)) == 0  # too big to keep
    assert reference.mean(drawn) == 49.5
