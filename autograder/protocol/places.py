"""The devices on which the tensors of a request can be created, by the name that the request gives."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext

import torch

from autograder.protocol.global_settings import (
    CONVOLUTION_CHOICE,
    CONVOLUTION_PRECISION,
    FULL_PRECISION,
    SETTINGS,
)


class Place:
    """The CPU, and the base of every other device."""

    def put(self, tensor: torch.Tensor) -> torch.Tensor:
        """The tensor on this device: itself or a copy. It is a leaf and does not require grad."""
        return tensor

    def working(self) -> AbstractContextManager[None]:
        """Entered while the notebook's code works on such tensors."""
        return nullcontext()

    def seed(self, seed: int) -> None:
        """Seed the device's own random generator, if it has one."""

    def random_state(self) -> bytes:
        """The state of that generator."""
        return b""

    def release(self) -> None:
        """Give the device the memory back that PyTorch keeps for later."""


class Card(Place):
    """The first GPU that PyTorch sees. Raises what PyTorch raises if there is none, or its memory is full."""

    def __init__(self) -> None:
        torch.cuda.init()
        self._generator = torch.cuda.default_generators[0]

    def put(self, tensor: torch.Tensor) -> torch.Tensor:
        return tensor.to("cuda:0")

    @contextmanager
    def working(self) -> Iterator[None]:
        """Compute in full float32: PyTorch lets convolutions use TF32, which keeps 10 bits of each number.

        Ends when the GPU has done what it was asked for, so that its errors and its time are this request's.
        """
        precision, choice = SETTINGS[CONVOLUTION_PRECISION], SETTINGS[CONVOLUTION_CHOICE]
        before = precision.read(), choice.read()
        precision.write(FULL_PRECISION)
        choice.write(True)
        try:
            yield
            torch.cuda.synchronize()
        finally:
            precision.write(before[0])
            choice.write(before[1])

    def seed(self, seed: int) -> None:
        self._generator.manual_seed(seed)

    def random_state(self) -> bytes:
        return self._generator.get_state().numpy().tobytes()

    def release(self) -> None:
        torch.cuda.empty_cache()


PLACES: dict[str, Callable[[], Place]] = {"": Place, "cpu": Place, "cuda": Card}
"""The module of the fake device adds "fake", which only tests ask for."""


def place_of(device: str) -> Place:
    """Raises ValueError if there is no such device."""
    if device not in PLACES:
        raise ValueError(f"no request can be placed on {device!r}")
    return PLACES[device]()
