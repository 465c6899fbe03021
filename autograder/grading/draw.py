"""Random inputs for one check, drawn from the run's secret seed and the same for every submission."""

from __future__ import annotations

import hashlib
import random
from collections.abc import Sequence
from typing import TypeVar

import torch

Item = TypeVar("Item")


def derived_seed(seed: int, *names: str) -> int:
    """Derive a separate seed for each purpose. It reveals neither `seed` nor any other derived seed."""
    text = "\0".join([str(seed), *names]).encode()
    return int.from_bytes(hashlib.sha256(text).digest()[:7], "big")


class Draw:
    """The random inputs of one check. The same calls in the same order give the same values."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)
        self._torch = torch.Generator().manual_seed(seed)

    def integer(self, low: int, high: int) -> int:
        """An int from low to high, both included."""
        return self._random.randint(low, high)

    def integers(self, low: int, high: int, n: int) -> list[int]:
        """n ints from low to high, both included."""
        return [self._random.randint(low, high) for _ in range(n)]

    def uniform(self, low: float, high: float) -> float:
        """A float from low to high."""
        return self._random.uniform(low, high)

    def uniforms(self, low: float, high: float, n: int) -> list[float]:
        """n floats from low to high."""
        return [self._random.uniform(low, high) for _ in range(n)]

    def choice(self, items: Sequence[Item]) -> Item:
        """One of the items, which must not be empty."""
        return self._random.choice(items)

    def shuffled(self, items: Sequence[Item]) -> list[Item]:
        """The items as a new list in random order."""
        return self._random.sample(items, len(items))

    def seed(self) -> int:
        """A seed for a generator inside a probe: an int from 0 to 2**31 - 1."""
        return self._random.getrandbits(31)

    def normal(self, *shape: int, dtype: torch.dtype = torch.float32) -> torch.Tensor:
        """A tensor of standard normal values, as `torch.randn` makes it."""
        return torch.randn(shape, generator=self._torch, dtype=dtype)

    def rand(self, *shape: int, dtype: torch.dtype = torch.float32) -> torch.Tensor:
        """A tensor of uniform values from 0 (included) to 1 (excluded), as `torch.rand` makes it."""
        return torch.rand(shape, generator=self._torch, dtype=dtype)

    def labels(self, n: int, classes: int) -> torch.Tensor:
        """n class numbers from 0 to classes - 1: an int64 tensor of shape (n,)."""
        return torch.randint(0, classes, (n,), generator=self._torch)
