"""Where a tensor lies on the pretended device of fake_device.py: a mark on its storage.

Views share a storage, so they share the mark; PyTorch keeps the Python attributes of a storage for
as long as the storage lives.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch

DEVICE = torch.device("meta")
HOME = torch.device("cpu")

# The marks of a storage. EITHER: made by PyTorch itself on the way, fits anywhere.
FAR, NEAR, EITHER = "far", "near", "either"
_MARK = "_autograder_place"


class MixedDevices(RuntimeError):
    """Tensors of two devices met in one operation, as a GPU would not have it."""


class NotAnArray(TypeError):
    """A far tensor was asked for a NumPy array."""


class FarawayLimit(RuntimeError):
    """The pretended device cannot do this; a real one could."""


class Journal:
    """What happened inside one context."""

    def __init__(self) -> None:
        self.fault: str | None = None
        self.limit: str | None = None
        self.at: str | None = None
        """The first operation that was refused."""

    def mixed(self, where: str) -> MixedDevices:
        self.fault = self.fault or "mixed"
        self.at = self.at or where
        return MixedDevices(
            "Expected all tensors to be on the same device, but found at least two devices, "
            f"{DEVICE} and {HOME}! (in {where})"
        )

    def not_an_array(self) -> NotAnArray:
        self.fault = self.fault or "numpy"
        return NotAnArray(
            f"can't convert {DEVICE} device type tensor to numpy. "
            "Use Tensor.cpu() to copy the tensor to host memory first."
        )


def on_fake_device(value: Any) -> bool:
    """Whether this is a tensor on the pretended device."""
    return isinstance(value, torch.Tensor) and place_of(value) == FAR


def storage(tensor: torch.Tensor) -> Any:
    """What all views of a tensor share; None where there is no such thing."""
    with torch._C.DisableTorchFunction():
        try:
            return tensor.untyped_storage()
        except (NotImplementedError, RuntimeError):  # sparse tensors, functorch's wrappers
            return None


def place_of(tensor: torch.Tensor) -> str | None:
    """The mark of a tensor's storage; None for one that no context has seen yet."""
    return getattr(storage(tensor), _MARK, None)


def mark(tensor: torch.Tensor, place: str) -> None:
    """Mark the tensor's storage, whatever mark it had."""
    marked = storage(tensor)
    if marked is not None:
        setattr(marked, _MARK, place)


def settle(result: Any, place: str) -> None:
    """Mark what came out of a call, where it does not share a storage that is marked already."""
    for tensor in outputs(result):
        if place_of(tensor) in (None, EITHER):
            mark(tensor, place)


def outputs(result: Any) -> list[torch.Tensor]:
    """The tensors that a call returned: one, or a flat tuple or list of them."""
    if isinstance(result, torch.Tensor):
        return [result]
    if isinstance(result, tuple | list):  # a gradient that nobody asked for is None among them
        return [item for item in result if isinstance(item, torch.Tensor)]
    return []


def tensors_in(value: Any) -> Iterator[torch.Tensor]:
    """The tensors among the arguments of a call, however deep they lie."""
    if isinstance(value, torch.Tensor):
        yield value
    elif isinstance(value, tuple | list):
        for item in value:
            yield from tensors_in(item)
    elif isinstance(value, dict):
        yield from tensors_in(list(value.values()))


def wanted_place(device: Any) -> str | None:
    """The place that a `device` argument names; None for anything but far and CPU."""
    if isinstance(device, str):
        device = torch.device(device)
    if not isinstance(device, torch.device):
        return None
    return {DEVICE.type: FAR, HOME.type: NEAR}.get(device.type)


class _Travel(torch.autograd.Function):
    """A copy at another place, whose gradient travels back."""

    @staticmethod
    def forward(ctx: Any, tensor: torch.Tensor, place: str) -> torch.Tensor:
        ctx.origin = place_of(tensor) or NEAR
        return _copy(tensor, place)

    @staticmethod
    def backward(ctx: Any, *gradients: Any) -> Any:
        with torch._C.DisableTorchFunction():
            return _copy(gradients[0], ctx.origin), None


def _copy(tensor: torch.Tensor, place: str) -> torch.Tensor:
    copy = tensor.clone()
    mark(copy, place)
    return copy


def send(tensor: torch.Tensor, place: str | None) -> torch.Tensor:
    """The tensor at `place`: itself where it lies there already, as `.to` does it."""
    if place is None or place == (place_of(tensor) or NEAR):
        return tensor
    if torch.is_grad_enabled() and tensor.requires_grad:
        return _Travel.apply(tensor, place)  # type: ignore[no-any-return, no-untyped-call]
    return _copy(tensor, place)
