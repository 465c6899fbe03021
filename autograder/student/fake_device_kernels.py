"""How the fake device handles kernels: refuse what a GPU refuses, and mark the results."""

from __future__ import annotations

from functools import cache
from typing import Any

import torch
from torch.utils._python_dispatch import TorchDispatchMode

from autograder.student.device_marks import (
    CPU,
    CPU_DEVICE,
    EITHER,
    FAKE,
    FAKE_DEVICE,
    DeviceReport,
    FakeDeviceLimit,
    mark_of,
    mark_outputs,
    output_tensors,
    requested_mark,
    set_mark,
    tensors_in,
)

aten = torch.ops.aten
_COPIES = {aten.copy_, aten.copy, aten._copy_from, aten._copy_from_and_resize}
_INDEX_READS = {aten.index, aten._unsafe_index}
_INDEX_WRITES = {
    aten.index_put,
    aten.index_put_,
    aten._unsafe_index_put,
    aten._index_put_impl_,
}
# Kernels that refuse even a 0-dim tensor from the CPU: PyTorch's native_functions.yaml gives them one for
# CUDA and no "device_check: NoCheck". Those that students meet, and four that are made of such kernels.
_NO_CPU_NUMBERS = {
    aten.addbmm, aten.addmm, aten.addmm_, aten.addmv, aten.addmv_, aten.baddbmm, aten.bincount, aten.bmm,
    aten.bucketize, aten.cat, aten.dot, aten.equal, aten.gather, aten.huber_loss, aten.index_add,
    aten.index_add_, aten.index_copy, aten.index_copy_, aten.index_select, aten.isin, aten.logaddexp,
    aten.masked_scatter_, aten.masked_select, aten.mm, aten.nll_loss_forward, aten.normal, aten.put_,
    aten.scatter, aten.scatter_, aten.scatter_add, aten.scatter_add_, aten.scatter_reduce,
    aten.scatter_reduce_, aten.searchsorted, aten.take, aten.vdot,
    aten.embedding, aten.mv, aten.put, aten.stack,
}  # fmt: skip


class KernelMode(TorchDispatchMode):
    """Intercepts every kernel, including those of a backward pass."""

    def __init__(self, report: DeviceReport) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.report = report

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        with torch._C.DisableTorchFunction():
            return self._launch(func, args, dict(kwargs or {}))

    def _launch(self, func: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        fake_requested = requested_mark(kwargs.get("device")) == FAKE
        if fake_requested:  # by a default device, as set by torch.set_default_device
            kwargs["device"] = CPU_DEVICE
        tensors = list(tensors_in((args, kwargs)))
        if any(tensor.device.type == FAKE_DEVICE.type for tensor in tensors):
            self.report.limit = str(func)
            raise FakeDeviceLimit(f"{func} was given a tensor without data")
        mark = FAKE if fake_requested else self._output_mark(func, args, kwargs, tensors)
        result = func(*args, **kwargs)
        if mark == FAKE:
            self.report.refuse_sparse(str(func.overloadpacket), output_tensors(result))
        mark_outputs(result, mark)
        return result

    def _output_mark(
        self, func: Any, args: tuple[Any, ...], kwargs: dict[str, Any], tensors: list[torch.Tensor]
    ) -> str:
        """The device on which the kernel runs. Raises MixedDevices if a GPU would refuse."""
        packet = func.overloadpacket
        if packet in _COPIES:
            return mark_of(args[0]) or CPU
        written = _written_tensors(func, args, kwargs)
        marks = [mark_of(tensor) for tensor in tensors]
        if FAKE not in marks:
            only_either = bool(marks) and all(mark == EITHER for mark in marks)
            return CPU if marks and not only_either else EITHER
        self.report.refuse_cpu_generator(kwargs.get("generator"))
        for tensor, mark in zip(tensors, marks, strict=True):
            self.report.refuse_sparse(str(packet), [tensor])
            is_written = any(tensor is output for output in written)
            if mark == EITHER and is_written:
                set_mark(tensor, FAKE)
            elif mark in (None, CPU) and not _gpu_accepts(packet, args, tensor, mark, is_written):
                raise self.report.mixed(str(packet))
        return FAKE


def _written_tensors(func: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> list[torch.Tensor]:
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


def _gpu_accepts(
    packet: Any, args: tuple[Any, ...], tensor: torch.Tensor, mark: str | None, is_written: bool
) -> bool:
    """Whether a GPU accepts this CPU tensor along with tensors of its own."""
    if packet in _INDEX_READS:
        return tensor is not args[0]
    if packet in _INDEX_WRITES:
        in_indices = any(tensor is index for index in tensors_in(args[1]))
        return in_indices or (tensor is not args[0] and tensor.dim() == 0)
    if is_written or tensor.dim() != 0:
        return False
    # PyTorch wraps Python numbers in 0-dim tensors without a mark.
    return mark is None or packet not in _NO_CPU_NUMBERS
