"""Random inputs for one check, from the run's secret seed: the same for everyone in a run."""

from __future__ import annotations

import hashlib
import random
from collections.abc import Sequence
from typing import TypeVar

import torch

Item = TypeVar("Item")


def derived_seed(seed: int, *names: str) -> int:
    """A seed of its own for each purpose; knowing one tells nothing of another or of the secret."""
    text = "\0".join([str(seed), *names]).encode()
    return int.from_bytes(hashlib.sha256(text).digest()[:7], "big")


class Draw:
    """One check's source of random inputs."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)
        self._torch = torch.Generator().manual_seed(seed)

    def integer(self, low: int, high: int) -> int:
        """A whole number from low to high, both included."""
        return self._random.randint(low, high)

    def integers(self, low: int, high: int, n: int) -> list[int]:
        return [self._random.randint(low, high) for _ in range(n)]

    def uniform(self, low: float, high: float) -> float:
        return self._random.uniform(low, high)

    def uniforms(self, low: float, high: float, n: int) -> list[float]:
        return [self._random.uniform(low, high) for _ in range(n)]

    def choice(self, items: Sequence[Item]) -> Item:
        return self._random.choice(items)

    def shuffled(self, items: Sequence[Item]) -> list[Item]:
        return self._random.sample(items, len(items))

    def seed(self) -> int:
        """A seed for a generator inside a probe."""
        return self._random.getrandbits(31)

    def normal(self, *shape: int, dtype: torch.dtype = torch.float32) -> torch.Tensor:
        return torch.randn(shape, generator=self._torch, dtype=dtype)

    def rand(self, *shape: int, dtype: torch.dtype = torch.float32) -> torch.Tensor:
        return torch.rand(shape, generator=self._torch, dtype=dtype)

    def labels(self, n: int, classes: int) -> torch.Tensor:
        """n class numbers (int64) from 0 to classes - 1."""
        return torch.randint(0, classes, (n,), generator=self._torch)
