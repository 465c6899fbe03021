"""What a student may legally set in a notebook, and how functions are asked nevertheless."""

from __future__ import annotations

import gc
import locale
import random
import signal
import sys
import threading
import tracemalloc
import warnings
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
import torch

from autograder.process.launcher import Launcher
from autograder.process.proxy import LocalProxy, Raised
from autograder.protocol.global_settings import put_back, read_settings
from autograder.student.fresh_settings import put_back_fresh_settings, remember_fresh_settings
from tests.engine.student.asked import asked

# A cell with a setting, and a function that shows it.
SETTINGS = {
    "warnings as errors": ("warnings.simplefilter('error')", "warnings.warn('x')"),
    "warnings as errors, in pieces": ("warnings.filterwarnings('error', category=UserWarning)", "warnings.warn('x')"),
    "own display of warnings": ("warnings.showwarning = None", "warnings.showwarning is None"),
    "PyTorch's repeated warnings": ("torch.set_warn_always(True)", "torch.is_warn_always_enabled()"),
    "anomaly detection": ("torch.autograd.set_detect_anomaly(True)", "torch.is_anomaly_enabled()"),
    "gradients off": ("torch.set_grad_enabled(False)", "(torch.ones(2, requires_grad=True) * 2).requires_grad"),
    "deterministic algorithms": (
        "torch.use_deterministic_algorithms(True)",
        "torch.are_deterministic_algorithms_enabled()",
    ),
    "precision of products": (
        "torch.set_float32_matmul_precision('medium')",
        "torch.get_float32_matmul_precision()",
    ),
    "TF32 in convolutions": ("torch.backends.cudnn.allow_tf32 = True", "torch.backends.cudnn.allow_tf32"),
    "TF32 in convolutions, the new way": (
        "torch.backends.cudnn.conv.fp32_precision = 'tf32'",
        "torch.backends.cudnn.conv.fp32_precision == 'tf32'",
    ),
    "TF32 in all that CUDA does": (
        "torch.backends.cudnn.fp32_precision = 'tf32'",
        "torch._C._get_fp32_precision_getter('cuda', 'rnn') == 'tf32'",
    ),
    "TF32 in products": (
        "torch.backends.cuda.matmul.allow_tf32 = True",
        "torch.backends.cuda.matmul.allow_tf32",
    ),
    "precision of products, the new way": (
        "torch.backends.mkldnn.matmul.fp32_precision = 'bf16'",
        "torch.backends.mkldnn.matmul.fp32_precision in ('none', 'ieee')",
    ),
    "autocast": (
        "torch.autocast('cpu', dtype=torch.bfloat16).__enter__()",
        "str((torch.ones(2, 2) @ torch.ones(2, 2)).dtype)",
    ),
    "denormal numbers": ("torch.set_flush_denormal(True)", "float(torch.tensor(1e-310).double() * 1e-3) == 0"),
    "default device": ("torch.set_default_device('cpu')", "str(torch.utils._device.CURRENT_DEVICE)"),
    "default device without data": ("torch.set_default_device('meta')", "str(torch.ones(2).device)"),
    "half precision": ("torch.set_default_dtype(torch.float16)", "str(torch.ones(2).dtype)"),
    "threads": ("torch.set_num_threads(3)", "torch.get_num_threads()"),
    "hooks of all modules": (
        "torch.nn.modules.module.register_module_forward_hook(lambda module, args, out: 1 / 0)",
        "torch.nn.Identity()(3)",
    ),
    "hooks of all optimizers": (
        "from torch.optim.optimizer import register_optimizer_step_post_hook as hook; hook(lambda *args: 1 / 0)",
        "torch.optim.SGD([torch.ones(2, requires_grad=True)]).step()",
    ),
    "PyTorch's print options": ("torch.set_printoptions(precision=1, sci_mode=True)", "str(torch.ones(2) / 3)"),
    "NumPy's print options": ("np.set_printoptions(precision=1, suppress=True)", "str(np.ones(2) / 3)"),
    "NumPy's errors": ("np.seterr(all='raise')", "float(np.float64(1e308) * 10)"),
    "NumPy's error callback": ("np.seterrcall(print); np.seterr(all='call')", "np.geterrcall() is None"),
    "NumPy's generator": ("np.random.set_bit_generator(np.random.PCG64(1))", "np.random.rand()"),
    "np.random.seed = 0": ("np.random.seed = 0", "callable(np.random.seed)"),
    "torch.manual_seed = 0": ("torch.manual_seed = torch.random.manual_seed = 0", "callable(torch.manual_seed)"),
    "random.seed = 0": ("random.seed = 0", "callable(random.seed)"),
    "recursion limit": ("sys.setrecursionlimit(60)", "len(deep(300))"),
    "trace function": ("sys.settrace(lambda *args: None)", "sys.gettrace() is None"),
    "profile function": ("sys.setprofile(lambda *args: None)", "sys.getprofile() is None"),
    "trace function of threads": ("threading.settrace(print)", "threading.gettrace() is None"),
    "profile function of threads": ("threading.setprofile(print)", "threading.getprofile() is None"),
    "garbage collection": ("gc.disable()", "gc.isenabled()"),
    "garbage collector's reports": ("gc.set_debug(gc.DEBUG_SAVEALL)", "gc.get_debug()"),
    "garbage collector's callbacks": ("gc.callbacks.append(lambda *args: 1 / 0)", "len(gc.callbacks)"),
    "allocation traces": ("tracemalloc.start()", "tracemalloc.is_tracing()"),
    "locale": ("locale.setlocale(locale.LC_ALL, 'POSIX')", "locale.setlocale(locale.LC_CTYPE)"),
    "an alarm": ("signal.alarm(1000)", "signal.alarm(0)"),
}  # fmt: skip
NAMES: dict[str, Any] = {
    "deep": lambda n: [n, *NAMES["deep"](n - 1)] if n else [],
    **{module.__name__: module for module in (gc, locale, random, signal, sys, threading, tracemalloc)},
    **{"warnings": warnings, "np": np, "torch": torch},
}
IMPORTS = "import gc, random, sys, threading, tracemalloc, warnings\nimport numpy as np, torch"
DEEP = "def deep(n): return [n, *deep(n - 1)] if n else []"


@pytest.fixture
def fresh_process() -> Iterator[None]:
    """This process as the fork server's, which knows its settings; afterwards they are as before."""
    before, callbacks = read_settings(), [*gc.callbacks]
    gc.callbacks.clear()
    remember_fresh_settings()
    yield
    put_back_fresh_settings()
    put_back(before)
    gc.callbacks[:] = callbacks


def shown(expression: str) -> object:
    """What a function shows to the grader."""
    return LocalProxy({"f": lambda: eval(expression, NAMES)}).f()


@pytest.mark.usefixtures("fresh_process")
@pytest.mark.parametrize("name", SETTINGS)
def test_a_setting_is_put_back_before_the_grader_asks(name: str) -> None:
    setting, expression = SETTINGS[name]
    fresh = shown(expression)
    exec(setting, NAMES)
    put_back_fresh_settings()
    assert shown(expression) == fresh


# Those that no function can observe in an answer, or that only a cell would set.
ONCE = {"denormal numbers", "garbage collector's callbacks", "allocation traces", "an alarm", "locale"}
ONCE |= {"garbage collector's reports"}
ONCE |= {
    "PyTorch's print options",
    "NumPy's print options",
    "NumPy's error callback",
    "own display of warnings",
}
ONCE |= {"PyTorch's repeated warnings", "trace function of threads", "profile function of threads"}
ONCE |= {name for name in SETTINGS if "seed" in name or "hooks" in name}


@pytest.mark.usefixtures("fresh_process")
@pytest.mark.parametrize("name", [name for name in SETTINGS if name not in ONCE])
def test_a_setting_of_one_call_does_not_reach_the_next(name: str) -> None:
    setting, expression = SETTINGS[name]
    fresh = shown(expression)
    notebook = LocalProxy({"change": lambda: exec(setting, NAMES), "f": lambda: eval(expression, NAMES)})
    notebook.change()
    reported = {"gradients off": ("grad mode",), "half precision": ("default dtype",)}
    assert notebook.changed == reported.get(name, ())
    assert notebook.f() == fresh
    assert notebook.changed == (("numpy random state",) if name == "NumPy's generator" else ())


def test_all_of_them_together_in_a_real_notebook(launcher: Launcher) -> None:
    settings = "\n".join(
        SETTINGS[name][0]
        for name in SETTINGS
        if name not in ("default device without data", "locale", "trace function", "an alarm")
    )
    ask = "def ask(x):\n    warnings.warn('x')\n    return [x @ x, np.log(0.0), torch.is_grad_enabled(), str(1 / x)]"
    with asked(launcher, IMPORTS, ask, settings) as notebook:
        x = torch.tensor([[2.0]])
        assert notebook.ask(x) == [x @ x, -np.inf, True, str(1 / x)]
        assert notebook.changed == ()


def test_a_gpu_as_the_home_of_new_tensors_is_put_back(launcher: Launcher) -> None:
    """Code from before `torch.set_default_device`, on a machine without a GPU."""
    cells = [
        "import torch",
        "torch.set_default_tensor_type(torch.cuda.FloatTensor)",
        "def made(): return [torch.ones(1).device.type, torch.nn.Linear(1, 1).weight.device.type]",
    ]
    with asked(launcher, *cells) as notebook:
        assert notebook.made() == ["cpu", "cpu"]


def test_a_raised_recursion_limit_belongs_to_the_student(launcher: Launcher) -> None:
    with asked(launcher, "import sys\nsys.setrecursionlimit(5000)", DEEP) as notebook:
        assert len(notebook.deep(3000)) == 3000


def test_without_it_the_recursion_limit_is_pythons_own(launcher: Launcher) -> None:
    with asked(launcher, DEEP) as notebook, pytest.raises(Raised, match="RecursionError"):
        notebook.deep(3000)


def test_float64_as_the_default_belongs_to_the_student(launcher: Launcher) -> None:
    cells = [
        "import torch\ntorch.set_default_dtype(torch.float64)\nW = torch.eye(2)",
        "def product(x): return x @ W",
        "def exact(number): return torch.tensor(number)",
    ]
    with asked(launcher, *cells) as notebook:
        found = notebook.product(torch.ones(1, 2))
        assert (found.dtype, found.tolist()) == (torch.float32, [[1.0, 1.0]])
        assert notebook.exact(0.1).item() == 0.1
        assert notebook.changed == ()
