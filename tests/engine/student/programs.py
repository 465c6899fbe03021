"""What the tests of the fake device share: a small network, its data, and the comparison with the CPU."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

from autograder.student.fake_device import attempt

Program = Callable[[torch.device], Any]


def plain(value: Any) -> list[Any]:
    """The values in a result as one flat list."""
    if isinstance(value, torch.Tensor):
        return plain(value.detach().double().tolist())
    if isinstance(value, tuple | list):
        return [leaf for item in value for leaf in plain(item)]
    return [value]


def net() -> nn.Module:
    torch.manual_seed(3)
    return nn.Sequential(
        nn.Flatten(),
        nn.Linear(6, 8),
        nn.BatchNorm1d(8),
        nn.ReLU(),
        nn.Dropout(0.3),
        nn.Linear(8, 3),
    )


def data() -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(4)
    x = torch.randn(22, 2, 3, generator=generator)
    return x, torch.randint(0, 3, (22,), generator=generator)


def loader(size: int = 5) -> DataLoader[Any]:
    return DataLoader(TensorDataset(*data()), batch_size=size)


def assert_same_as_on_cpu(program: Program) -> None:
    """Assert that the program gives the same values on the fake device, without an error."""
    want = plain(program(torch.device("cpu")))
    got = attempt(program)
    assert (got["error"], got["limit"]) == (None, False)
    numbers = [isinstance(leaf, int | float) for leaf in want]
    found = plain(got["value"])
    assert len(found) == len(want)
    for leaf, wanted, is_number in zip(found, want, numbers, strict=True):
        assert leaf == (pytest.approx(wanted, rel=1e-6, abs=1e-9) if is_number else wanted)
