"""The mark on a tensor's storage that says where it is: on the fake device, on the CPU, or on either.

Views share a storage, so they share the mark; PyTorch keeps a storage's Python attributes for as long as the
storage lives.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import torch

FAKE_DEVICE = torch.device("meta")
CPU_DEVICE = torch.device("cpu")

# The marks. EITHER is for tensors that PyTorch itself makes along the way: they fit on any device.
FAKE, CPU, EITHER = "fake", "cpu", "either"
_ATTRIBUTE = "_autograder_device"


class MixedDevices(RuntimeError):
    """Tensors on two devices met in one operation; a real GPU would refuse it."""


class NotAnArray(TypeError):
    """A tensor on the fake device was asked for a NumPy array."""


class FakeDeviceLimit(RuntimeError):
    """The fake device cannot do this; a real one could."""


class DeviceReport:
    """What went wrong inside one `fake_device` context."""

    def __init__(self) -> None:
        self.mistake: str | None = None
        """The first mistake: "mixed" or "numpy"."""
        self.limit: str | None = None
        """What the fake device could not do."""
        self.at: str | None = None
        """The first operation that mixed devices."""

    def mixed(self, where: str) -> MixedDevices:
        self.mistake = self.mistake or "mixed"
        self.at = self.at or where
        return MixedDevices(
            "Expected all tensors to be on the same device, but found at least two devices, "
            f"{FAKE_DEVICE} and {CPU_DEVICE}! (in {where})"
        )

    def refuse_cpu_generator(self, generator: torch.Generator | None) -> None:
        """Raises MixedDevices for a draw on the fake device from this generator: none can be there."""
        if isinstance(generator, torch.Generator):
            self.mistake, self.at = self.mistake or "mixed", self.at or "a generator on the CPU"
            raise MixedDevices(f"Expected a '{FAKE_DEVICE}' device type for generator but found 'cpu'")

    def refuse_sparse(self, where: str, tensors: Iterable[torch.Tensor]) -> None:
        """Raises FakeDeviceLimit if one of these, which may be on the fake device, is sparse."""
        if any(map(is_sparse, tensors)):
            self.limit = f"a sparse tensor, which carries no mark, in {where}"
            raise FakeDeviceLimit(self.limit)

    def not_an_array(self) -> NotAnArray:
        self.mistake = self.mistake or "numpy"
        return NotAnArray(
            f"can't convert {FAKE_DEVICE} device type tensor to numpy. "
            "Use Tensor.cpu() to copy the tensor to host memory first."
        )


def on_fake_device(value: Any) -> bool:
    """Whether this is a tensor on the fake device."""
    return isinstance(value, torch.Tensor) and mark_of(value) == FAKE


def storage(tensor: torch.Tensor) -> Any:
    """What all views of a tensor share; None if it has no storage."""
    with torch._C.DisableTorchFunction():
        try:
            return tensor.untyped_storage()
        except (NotImplementedError, RuntimeError):  # sparse tensors, functorch's wrappers
            return None


def is_sparse(tensor: torch.Tensor) -> bool:
    """Whether it has no storage, and so no place for a mark."""
    with torch._C.DisableTorchFunction():
        return tensor.layout != torch.strided


def mark_of(tensor: torch.Tensor) -> str | None:
    """The mark on a tensor's storage; None if no context has seen it yet."""
    return getattr(storage(tensor), _ATTRIBUTE, None)


def set_mark(tensor: torch.Tensor, mark: str) -> None:
    """Mark the tensor's storage, replacing any mark it has."""
    marked = storage(tensor)
    if marked is not None:
        setattr(marked, _ATTRIBUTE, mark)


def mark_outputs(result: Any, mark: str) -> None:
    """Mark the tensors a call returned, unless their storage is already on one of the devices."""
    for tensor in output_tensors(result):
        if mark_of(tensor) in (None, EITHER):
            set_mark(tensor, mark)


def output_tensors(result: Any) -> list[torch.Tensor]:
    """The tensors that a call returned: one, or those in a flat tuple or list."""
    if isinstance(result, torch.Tensor):
        return [result]
    if isinstance(result, tuple | list):  # may hold None, for a gradient that is not needed
        return [item for item in result if isinstance(item, torch.Tensor)]
    return []


def tensors_in(value: Any) -> Iterator[torch.Tensor]:
    """The tensors among a call's arguments, however deeply nested."""
    if isinstance(value, torch.Tensor):
        yield value
    elif isinstance(value, tuple | list):
        for item in value:
            yield from tensors_in(item)
    elif isinstance(value, dict):
        yield from tensors_in(list(value.values()))


def requested_mark(device: Any) -> str | None:
    """The mark for a `device` argument; None unless it names the fake device or the CPU."""
    if isinstance(device, str):
        device = torch.device(device)
    if not isinstance(device, torch.device):
        return None
    return {FAKE_DEVICE.type: FAKE, CPU_DEVICE.type: CPU}.get(device.type)


class _Move(torch.autograd.Function):
    """Copy to another device, and the gradient back."""

    @staticmethod
    def forward(ctx: Any, tensor: torch.Tensor, mark: str) -> torch.Tensor:
        ctx.origin = mark_of(tensor) or CPU
        return _copy(tensor, mark)

    @staticmethod
    def backward(ctx: Any, *gradients: Any) -> Any:
        with torch._C.DisableTorchFunction():
            return _copy(gradients[0], ctx.origin), None


def _copy(tensor: torch.Tensor, mark: str) -> torch.Tensor:
    copy = tensor.clone()
    set_mark(copy, mark)
    return copy


def move(tensor: torch.Tensor, mark: str | None) -> torch.Tensor:
    """The tensor on that device: itself if it is already there, as with `Tensor.to`."""
    if mark is None or mark == (mark_of(tensor) or CPU):
        return tensor
    if torch.is_grad_enabled() and tensor.requires_grad:
        return _Move.apply(tensor, mark)  # type: ignore[no-any-return]
    return _copy(tensor, mark)
