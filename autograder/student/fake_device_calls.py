"""TODO student.fake_device_calls."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch.overrides import TorchFunctionMode

from autograder.student.device_marks import (
    DEVICE,
    FAR,
    HOME,
    NEAR,
    FarawayLimit,
    Journal,
    mark,
    on_fake_device,
    outputs,
    place_of,
    send,
    settle,
    tensors_in,
    wanted_place,
)

# --- calls ------------------------------------------------------------------------------------


class _Calls(TorchFunctionMode):
    """Sees the calls that Python makes: they name devices, kernels do not."""

    def __init__(self, journal: Journal) -> None:
        super().__init__()
        self.journal = journal

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = dict(kwargs or {})
        special = _SPECIAL.get(func)
        if special is not None:
            return special(self.journal, func, args, kwargs)
        return _plain(func, args, kwargs)


def _plain(func: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    wanted = wanted_place(kwargs.get("device"))
    if wanted is not None:
        kwargs["device"] = HOME
    result = func(*args, **kwargs)
    if wanted is not None:
        for tensor in outputs(result):
            mark(tensor, wanted)
    elif outputs(result):
        far = any(place_of(tensor) == FAR for tensor in tensors_in((args, kwargs)))
        settle(result, FAR if far else NEAR)
    return result


def _to(journal: Journal, func: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """`Tensor.to(device)`, `.to(dtype)`, `.to(other)` and their keywords."""
    tensor, *rest = args
    wanted = None
    other = rest[0] if rest else kwargs.get("other")
    if isinstance(other, torch.Tensor):
        wanted = place_of(other) or NEAR
    elif rest and (wanted := wanted_place(rest[0])) is not None:
        rest[0] = HOME
    elif (wanted := wanted_place(kwargs.get("device"))) is not None:
        kwargs["device"] = HOME
    sent = send(tensor, wanted)
    result = func(sent, *rest, **kwargs)
    settle(result, place_of(sent) or NEAR)
    return result


def _cpu(journal: Journal, func: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    return send(args[0], NEAR)


def _as_tensor(journal: Journal, func: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """`torch.as_tensor`, `asarray` and `tensor`: a tensor keeps its place, a list comes home."""
    data = args[0] if args else kwargs.get("data", kwargs.get("obj"))
    kept = (place_of(data) or NEAR) if isinstance(data, torch.Tensor) else NEAR
    wanted = wanted_place(kwargs.get("device")) or kept
    if kwargs.get("device") is not None and wanted_place(kwargs["device"]) is not None:
        kwargs["device"] = HOME
    result = func(*args, **kwargs)
    if result is data or (kept != wanted and func is not torch.tensor):
        return send(result, wanted)
    mark(result, wanted)
    return result


def _new(journal: Journal, func: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """`x.new_tensor(data)` and `x.new(data)`: a fresh tensor beside x."""
    named = wanted_place(kwargs.get("device"))
    if named is not None:
        kwargs["device"] = HOME
    result = func(*args, **kwargs)
    mark(result, named or place_of(args[0]) or NEAR)
    return result


def _array(journal: Journal, func: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    forced = kwargs.get("force", len(args) > 1 and args[1] is True and func is torch.Tensor.numpy)
    if on_fake_device(args[0]) and not forced:
        raise journal.not_an_array()
    return func(*args, **kwargs)


def _device(journal: Journal, func: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    return DEVICE if on_fake_device(args[0]) else func(*args, **kwargs)


def _is_cpu(journal: Journal, func: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    return False if on_fake_device(args[0]) else func(*args, **kwargs)


def _set_grad(journal: Journal, func: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    tensor, gradient = args
    if isinstance(gradient, torch.Tensor) and on_fake_device(gradient) != on_fake_device(tensor):
        raise journal.mixed("the assignment of a gradient")
    return func(*args, **kwargs)


def _deepcopy(journal: Journal, func: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    result = func(*args, **kwargs)
    settle(result, place_of(args[0]) or NEAR)
    return result


def _pickled(journal: Journal, func: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    if on_fake_device(args[0]):
        journal.limit = "a far tensor was pickled; it comes back without its mark"
    return func(*args, **kwargs)


def _unpickled(journal: Journal, func: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """What PyTorch pickles of a tensor that says it is on "meta" is its shape alone."""
    if wanted_place(kwargs.get("device")) == FAR:
        journal.limit = "a far tensor was unpickled; its values are lost"
        raise FarawayLimit(journal.limit)
    return _plain(func, args, kwargs)


_SPECIAL: dict[Any, Callable[[Journal, Any, tuple[Any, ...], dict[str, Any]], Any]] = {
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
    torch.Tensor.__dlpack__: _array,
    torch.Tensor.device.__get__: _device,
    torch.Tensor.is_cpu.__get__: _is_cpu,  # type: ignore[attr-defined]
    torch.Tensor.grad.__set__: _set_grad,  # type: ignore[union-attr]
    torch.Tensor.__deepcopy__: _deepcopy,
    torch.Tensor.__reduce_ex__: _pickled,
    torch.empty_strided: _unpickled,
}
