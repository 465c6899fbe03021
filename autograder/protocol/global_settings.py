"""Settings of Python, NumPy and PyTorch that stay as a function leaves them: read them, put them back.

Student code may assign to the name of a library's function (`torch.manual_seed = 0`), so this module, which
is imported before any such code runs, keeps the functions that it found.
"""

from __future__ import annotations

import gc
import locale
import sys
import threading
import warnings
from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

import numpy as np
import torch
from torch._tensor_str import PRINT_OPTS

GRAD_MODE, DEFAULT_DTYPE, DEFAULT_DEVICE = "grad mode", "default dtype", "default device"
TENSOR_DEVICE = "device of the default tensor type"
RECURSION_LIMIT = "recursion limit"


class Setting(NamedTuple):
    """One setting: how to read its value, and how to write a value that was read."""

    read: Callable[[], Any]
    write: Callable[[Any], Any]


Values = dict[str, Any]
"""What each setting is, by its name."""


def _read_warnings() -> tuple[Any, ...]:
    return (warnings.showwarning, *warnings.filters)


def _write_warnings(value: tuple[Any, ...], reset: Callable[[], None] = warnings.resetwarnings) -> None:
    reset()  # this also tells the interpreter that what it remembers is out of date
    warnings.showwarning = value[0]
    warnings.filters[:] = value[1:]  # type: ignore[index]  # a list, though typeshed says Sequence


def _write_device(value: Any, write: Callable[[Any], None] = torch.set_default_device) -> None:
    write(None if value is None else value.device)


def _write_tensor_device(value: str, write: Callable[[str], None] = torch.set_default_tensor_type) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it is deprecated, but nothing else undoes it
        write("torch.FloatTensor" if value == "cpu" else f"torch.{value}.FloatTensor")


_PRECISIONS = (("generic", "all"), ("mkldnn", "matmul"), ("cuda", "matmul"))


def _precision() -> Setting:
    read, write = torch._C._get_fp32_precision_getter, torch._C._set_fp32_precision_setter
    write_all = torch.set_float32_matmul_precision

    def write_each(values: tuple[str, ...]) -> None:
        write_all("highest")  # otherwise PyTorch complains of its old interface mixed with its new one
        for kind, value in zip(_PRECISIONS, values, strict=True):
            write(*kind, value)

    return Setting(lambda: tuple(read(*kind) for kind in _PRECISIONS), write_each)


def _autocast(device: str) -> Setting:
    is_on, dtype = torch.is_autocast_enabled, torch.get_autocast_dtype
    switch, set_dtype = torch.set_autocast_enabled, torch.set_autocast_dtype

    def write(value: tuple[bool, torch.dtype]) -> None:
        switch(device, value[0])
        set_dtype(device, value[1])

    return Setting(lambda: (is_on(device), dtype(device)), write)


def _locale(query: Callable[..., str] = locale.setlocale) -> Setting:
    return Setting(lambda: query(locale.LC_ALL), lambda value: query(locale.LC_ALL, value))


def _splat(function: Callable[..., Any]) -> Callable[[Any], Any]:
    return lambda value: function(**value)


SETTINGS: dict[str, Setting] = {
    GRAD_MODE: Setting(torch.is_grad_enabled, torch._C._set_grad_enabled),
    # Before the dtype, which it sets.
    TENSOR_DEVICE: Setting(torch._C._get_default_device, _write_tensor_device),
    DEFAULT_DTYPE: Setting(torch.get_default_dtype, torch.set_default_dtype),
    DEFAULT_DEVICE: Setting(
        lambda: torch._GLOBAL_DEVICE_CONTEXT.__dict__.get("device_context"), _write_device
    ),
    "anomaly detection": Setting(
        lambda: (torch.is_anomaly_enabled(), torch.is_anomaly_check_nan_enabled()),
        lambda value: torch.set_anomaly_enabled(*value),
    ),
    "deterministic algorithms": Setting(
        torch.get_deterministic_debug_mode, torch.set_deterministic_debug_mode
    ),
    "matmul precision": _precision(),
    "autocast on the CPU": _autocast("cpu"),
    "autocast on the GPU": _autocast("cuda"),
    "threads": Setting(torch.get_num_threads, torch.set_num_threads),
    "PyTorch's warnings": Setting(torch.is_warn_always_enabled, torch.set_warn_always),
    "PyTorch's print options": Setting(lambda: dict(vars(PRINT_OPTS)), vars(PRINT_OPTS).update),
    "NumPy's print options": Setting(np.get_printoptions, _splat(np.set_printoptions)),
    "NumPy's errors": Setting(np.geterr, _splat(np.seterr)),
    "NumPy's error callback": Setting(np.geterrcall, np.seterrcall),
    "NumPy's bit generator": Setting(np.random.get_bit_generator, np.random.set_bit_generator),  # type: ignore[attr-defined]
    "warnings": Setting(_read_warnings, _write_warnings),
    "locale": _locale(),
    RECURSION_LIMIT: Setting(sys.getrecursionlimit, sys.setrecursionlimit),
    "garbage collection": Setting(gc.isenabled, lambda value: gc.enable() if value else gc.disable()),
    "garbage collector's reports": Setting(gc.get_debug, gc.set_debug),
    "trace function": Setting(sys.gettrace, sys.settrace),
    "trace function of threads": Setting(threading.gettrace, threading.settrace),
    "profile function": Setting(sys.getprofile, sys.setprofile),
    "profile function of threads": Setting(threading.getprofile, threading.setprofile),
}


# Those that decide what a function computes, whether it raises or how long it takes.
BETWEEN_REQUESTS = (
    GRAD_MODE, TENSOR_DEVICE, DEFAULT_DTYPE, DEFAULT_DEVICE, "anomaly detection", "deterministic algorithms",
    "matmul precision", "autocast on the CPU", "threads", "NumPy's errors", "NumPy's bit generator",
    "warnings", RECURSION_LIMIT, "garbage collection", "trace function", "profile function",
)  # fmt: skip


def read_settings(names: Iterable[str] = SETTINGS) -> Values:
    return {name: SETTINGS[name].read() for name in names}


def put_back(values: Values) -> list[str]:
    """Give every setting its value in `values`; return the names of those that had another."""
    changed = []
    for name, value in values.items():
        setting = SETTINGS[name]
        if setting.read() != value:
            setting.write(value)
            changed.append(name)
    return changed
