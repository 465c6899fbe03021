"""TODO student.fake_device_kernels."""

from __future__ import annotations

from functools import cache
from typing import Any

import torch
from torch.utils._python_dispatch import TorchDispatchMode

from autograder.student.device_marks import (
    DEVICE,
    EITHER,
    FAR,
    HOME,
    NEAR,
    FarawayLimit,
    Journal,
    mark,
    place_of,
    settle,
    tensors_in,
    wanted_place,
)

# --- kernels ----------------------------------------------------------------------------------

aten = torch.ops.aten
_CROSSING = {aten.copy_, aten.copy, aten._copy_from, aten._copy_from_and_resize}
_READING = {aten.index, aten._unsafe_index}
_WRITING = {
    aten.index_put,
    aten.index_put_,
    aten._unsafe_index_put,
    aten._index_put_impl_,
}
# Kernels that take no 0-dim number from the CPU; most do, so what is not listed is let pass.
_NO_NUMBERS = {aten.stack, aten.cat, aten.equal, aten.mv, aten.dot}


class _Kernels(TorchDispatchMode):
    """Sees every kernel, those of a backward pass too."""

    def __init__(self, journal: Journal) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.journal = journal

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        with torch._C.DisableTorchFunction():
            return self._launch(func, args, dict(kwargs or {}))

    def _launch(self, func: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        far_asked = wanted_place(kwargs.get("device")) == FAR
        if far_asked:  # a default device, set by torch.set_default_device
            kwargs["device"] = HOME
        tensors = list(tensors_in((args, kwargs)))
        if any(tensor.device.type == DEVICE.type for tensor in tensors):
            self.journal.limit = str(func)
            raise FarawayLimit(f"{func} was given a tensor without data")
        place = FAR if far_asked else self._meet(func, args, kwargs, tensors)
        result = func(*args, **kwargs)
        settle(result, place)
        return result

    def _meet(
        self, func: Any, args: tuple[Any, ...], kwargs: dict[str, Any], tensors: list[torch.Tensor]
    ) -> str:
        """The place where the operation happens; refuses what a GPU refuses."""
        packet = func.overloadpacket
        if packet in _CROSSING:
            return place_of(args[0]) or NEAR
        written = _written(func, args, kwargs)
        places = [place_of(tensor) for tensor in tensors]
        if FAR not in places:
            only_either = bool(places) and all(place == EITHER for place in places)
            return NEAR if places and not only_either else EITHER
        for tensor, place in zip(tensors, places, strict=True):
            is_written = any(tensor is output for output in written)
            if place == EITHER and is_written:
                mark(tensor, FAR)
            elif place in (None, NEAR) and not _welcome(packet, args, tensor, place, is_written):
                raise self.journal.mixed(str(packet))
        return FAR


def _written(func: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> list[torch.Tensor]:
    found: list[torch.Tensor] = []
    for position, name in _written_arguments(func):
        value = args[position] if position < len(args) else kwargs.get(name)
        found.extend(tensors_in(value))
    return found


@cache
def _written_arguments(func: Any) -> list[tuple[int, str]]:
    return [
        (position, argument.name)
        for position, argument in enumerate(func._schema.arguments)
        if argument.alias_info is not None and argument.alias_info.is_write
    ]


def _welcome(
    packet: Any, args: tuple[Any, ...], tensor: torch.Tensor, place: str | None, is_written: bool
) -> bool:
    """Whether a GPU takes this CPU tensor beside tensors of its own."""
    if packet in _READING:
        return tensor is not args[0]
    if packet in _WRITING:
        in_indices = any(tensor is index for index in tensors_in(args[1]))
        return in_indices or (tensor is not args[0] and tensor.dim() == 0)
    if is_written or tensor.dim() != 0:
        return False
    # A number without a mark is one that PyTorch wrapped itself.
    return place is None or packet not in _NO_NUMBERS
