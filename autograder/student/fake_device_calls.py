"""How the fake device handles calls from Python: `.to`, `.cpu`, `device=`, `.device`, `.numpy`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch.overrides import TorchFunctionMode

from autograder.student.device_marks import (
    CPU,
    CPU_DEVICE,
    FAKE,
    FAKE_DEVICE,
    DeviceReport,
    FakeDeviceLimit,
    mark_of,
    mark_outputs,
    move,
    on_fake_device,
    output_tensors,
    requested_mark,
    set_mark,
    tensors_in,
)

_FAKE_TYPES = f"torch.{FAKE_DEVICE}."
Args = tuple[Any, ...]
Kwargs = dict[str, Any]


class CallMode(TorchFunctionMode):
    """Intercepts the calls that Python code makes; the kernels no longer know which device a call named."""

    def __init__(self, report: DeviceReport) -> None:
        super().__init__()
        self.report = report

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = dict(kwargs or {})
        special = _SPECIAL.get(func)
        if special is not None:
            return special(self.report, func, args, kwargs)
        return _plain(self.report, func, args, kwargs)


def _plain(report: DeviceReport, func: Any, args: Args, kwargs: Kwargs) -> Any:
    requested = requested_mark(kwargs.get("device"))
    if requested is not None:
        kwargs["device"] = CPU_DEVICE
    if requested == FAKE:
        report.refuse_cpu_generator(kwargs.get("generator"))
    result = func(*args, **kwargs)
    if requested == FAKE:
        report.refuse_sparse(getattr(func, "__name__", "a call"), output_tensors(result))
    if requested is not None:
        for tensor in output_tensors(result):
            set_mark(tensor, requested)
    elif output_tensors(result):
        fake = any(mark_of(tensor) == FAKE for tensor in tensors_in((args, kwargs)))
        mark_outputs(result, FAKE if fake else CPU)
    return result


def _to(report: DeviceReport, func: Any, args: Args, kwargs: Kwargs) -> Any:
    """`Tensor.to(device)`, `.to(dtype)`, `.to(other)` and their keyword forms."""
    tensor, *rest = args
    requested = None
    other = rest[0] if rest else kwargs.get("other")
    if isinstance(other, torch.Tensor):
        requested = mark_of(other) or CPU
    elif rest and (requested := requested_mark(rest[0])) is not None:
        rest[0] = CPU_DEVICE
    elif (requested := requested_mark(kwargs.get("device"))) is not None:
        kwargs["device"] = CPU_DEVICE
    if requested == FAKE:
        report.refuse_sparse("to", [tensor])
    moved = move(tensor, requested)
    result = func(moved, *rest, **kwargs)
    mark_outputs(result, mark_of(moved) or CPU)
    return result


def _cpu(report: DeviceReport, func: Any, args: Args, kwargs: Kwargs) -> Any:
    return move(args[0], CPU)


def _as_tensor(report: DeviceReport, func: Any, args: Args, kwargs: Kwargs) -> Any:
    """`torch.as_tensor`, `asarray` and `tensor`: a tensor stays on its device, a list goes to the CPU."""
    data = args[0] if args else kwargs.get("data", kwargs.get("obj"))
    current = (mark_of(data) or CPU) if isinstance(data, torch.Tensor) else CPU
    target = requested_mark(kwargs.get("device")) or current
    if kwargs.get("device") is not None and requested_mark(kwargs["device"]) is not None:
        kwargs["device"] = CPU_DEVICE
    result = func(*args, **kwargs)
    if result is data or (current != target and func is not torch.tensor):
        return move(result, target)
    set_mark(result, target)
    return result


def _new(report: DeviceReport, func: Any, args: Args, kwargs: Kwargs) -> Any:
    """`x.new_tensor(data)` and `x.new(data)`: a new tensor on x's device."""
    requested = requested_mark(kwargs.get("device"))
    if requested is not None:
        kwargs["device"] = CPU_DEVICE
    result = func(*args, **kwargs)
    set_mark(result, requested or mark_of(args[0]) or CPU)
    return result


def _array(report: DeviceReport, func: Any, args: Args, kwargs: Kwargs) -> Any:
    forced = kwargs.get("force", len(args) > 1 and args[1] is True and func is torch.Tensor.numpy)
    if on_fake_device(args[0]) and not forced:
        raise report.not_an_array()
    return func(*args, **kwargs)


def _dlpack(report: DeviceReport, func: Any, args: Args, kwargs: Kwargs) -> Any:
    if on_fake_device(args[0]):
        report.limit = "a tensor on the fake device was lent to another library, which loses its mark"
        raise FakeDeviceLimit(report.limit)
    return func(*args, **kwargs)


def _type(report: DeviceReport, func: Any, args: Args, kwargs: Kwargs) -> Any:
    """`x.type()` names the device, as in "torch.cuda.FloatTensor", and `x.type(name)` moves there."""
    tensor, *rest = args
    dtype = rest.pop(0) if rest else kwargs.pop("dtype", None)
    if dtype is None:
        name = func(tensor)
        return name.replace("torch.", _FAKE_TYPES, 1) if on_fake_device(tensor) else name
    mark = None
    if isinstance(dtype, str):
        mark, dtype = FAKE if dtype.startswith(_FAKE_TYPES) else CPU, dtype.replace(_FAKE_TYPES, "torch.", 1)
    moved = move(tensor, mark)
    result = func(moved, dtype, *rest, **kwargs)
    mark_outputs(result, mark_of(moved) or CPU)
    return result


def _backward(report: DeviceReport, func: Any, args: Args, kwargs: Kwargs) -> Any:
    """`x.backward(gradient)`."""
    tensor, *rest = args
    gradient = rest.pop(0) if rest else kwargs.pop("gradient", None)
    return func(tensor, _gradient(report, tensor, gradient), *rest, **kwargs)


def _grad(report: DeviceReport, func: Any, args: Args, kwargs: Kwargs) -> Any:
    """`torch.autograd.grad(outputs, inputs, grad_outputs)`."""
    names = ("outputs", "inputs", "grad_outputs", "retain_graph", "create_graph")
    given = dict(zip(names, args, strict=False)) | kwargs
    outputs, gradients = given["outputs"], given.get("grad_outputs")
    if isinstance(outputs, torch.Tensor):
        given["grad_outputs"] = _gradient(report, outputs, gradients)
    elif isinstance(gradients, tuple | list):
        given["grad_outputs"] = [_gradient(report, *pair) for pair in zip(outputs, gradients, strict=True)]
    return _plain(report, func, (), given)


def _gradient(report: DeviceReport, output: torch.Tensor, gradient: Any) -> Any:
    """A gradient that was handed in: PyTorch moves a number to its output, and refuses any other tensor."""
    if not isinstance(gradient, torch.Tensor) or on_fake_device(gradient) == on_fake_device(output):
        return gradient
    if gradient.dim():
        raise report.mixed("a backward pass")
    return move(gradient, mark_of(output) or CPU)


def _device(report: DeviceReport, func: Any, args: Args, kwargs: Kwargs) -> Any:
    return FAKE_DEVICE if on_fake_device(args[0]) else func(*args, **kwargs)


def _is_cpu(report: DeviceReport, func: Any, args: Args, kwargs: Kwargs) -> Any:
    return False if on_fake_device(args[0]) else func(*args, **kwargs)


def _set_grad(report: DeviceReport, func: Any, args: Args, kwargs: Kwargs) -> Any:
    tensor, gradient = args
    if isinstance(gradient, torch.Tensor) and on_fake_device(gradient) != on_fake_device(tensor):
        raise report.mixed("the assignment of a gradient")
    return func(*args, **kwargs)


def _deepcopy(report: DeviceReport, func: Any, args: Args, kwargs: Kwargs) -> Any:
    result = func(*args, **kwargs)
    mark_outputs(result, mark_of(args[0]) or CPU)
    return result


def _pickle(report: DeviceReport, func: Any, args: Args, kwargs: Kwargs) -> Any:
    if on_fake_device(args[0]):
        report.limit = "a tensor on the fake device was pickled, which loses its mark"
    return func(*args, **kwargs)


def _unpickle(report: DeviceReport, func: Any, args: Args, kwargs: Kwargs) -> Any:
    """For a tensor that says it is on "meta", PyTorch pickles only the shape."""
    if requested_mark(kwargs.get("device")) == FAKE:
        report.limit = "a tensor on the fake device was unpickled, and its values are lost"
        raise FakeDeviceLimit(report.limit)
    return _plain(report, func, args, kwargs)


_SPECIAL: dict[Any, Callable[[DeviceReport, Any, Args, Kwargs], Any]] = {
    torch.Tensor.new_tensor: _new,
    torch.Tensor.new: _new,
    torch.Tensor.to: _to,
    torch.Tensor.type_as: _to,
    torch.Tensor.cpu: _cpu,
    torch.as_tensor: _as_tensor,
    torch.asarray: _as_tensor,
    torch.tensor: _as_tensor,
    torch.Tensor.numpy: _array,
    torch.Tensor.__array__: _array,
    torch.Tensor.__dlpack__: _dlpack,
    torch.Tensor.type: _type,
    torch.Tensor.backward: _backward,
    torch.autograd.grad: _grad,
    torch.Tensor.device.__get__: _device,
    torch.Tensor.is_cpu.__get__: _is_cpu,  # type: ignore[attr-defined]
    torch.Tensor.grad.__set__: _set_grad,  # type: ignore[union-attr]
    torch.Tensor.__deepcopy__: _deepcopy,
    torch.Tensor.__reduce_ex__: _pickle,
    torch.empty_strided: _unpickle,
}
