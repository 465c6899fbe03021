"""The devices on which the tensors of a request can be created, by the name that the request gives."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress

import torch

# Kept here because student code may assign to these names by mistake.
_allow_tf32, _deterministic = torch._C._set_cudnn_allow_tf32, torch._C._set_cudnn_deterministic
_synchronize = torch.cuda.synchronize


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


class Gpu(Place):
    """The first GPU that PyTorch sees. Raises what PyTorch raises if there is none, or its memory is full."""

    def __init__(self) -> None:
        torch.cuda.init()
        self._generator = torch.cuda.default_generators[0]

    def put(self, tensor: torch.Tensor) -> torch.Tensor:
        return tensor.to("cuda:0")

    @contextmanager
    def working(self) -> Iterator[None]:
        """Ends when the GPU has done what it was asked for, so that its errors and its time are in here."""
        with warnings.catch_warnings():
            warnings.simplefilter(
                "ignore"
            )  # PyTorch has a newer interface, which cannot be mixed with this one
            _allow_tf32(False)  # it keeps 10 bits of a number, and convolutions use it unless told not to
        _deterministic(True)  # of cuDNN's algorithms, take one that always adds in the same order
        yield
        _synchronize()

    def seed(self, seed: int) -> None:
        self._generator.manual_seed(seed)

    def random_state(self) -> bytes:
        return self._generator.get_state().numpy().tobytes()


def release_memory() -> None:
    """Give back what PyTorch keeps of the GPU's memory for later; there may be no GPU."""
    if torch.cuda.is_initialized():
        with suppress(RuntimeError):  # after an error in a kernel, every call fails
            torch.cuda.empty_cache()


def gpu_is_broken() -> bool:
    """Whether an error inside a kernel has ended all use of the GPU in this process."""
    if torch.cuda.is_initialized():
        try:
            _synchronize()
        except RuntimeError:
            return True
    return False


PLACES: dict[str, Callable[[], Place]] = {"": Place, "cpu": Place, "cuda": Gpu}
"""The module of the fake device adds "fake", which only tests ask for."""


def place_of(device: str) -> Place:
    """Raises ValueError if there is no such device."""
    if device not in PLACES:
        raise ValueError(f"no request can be placed on {device!r}")
    return PLACES[device]()
