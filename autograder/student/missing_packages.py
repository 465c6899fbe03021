"""Imports that fail: they cost only the exercises that use what is missing. Runs in the student's process.

On a student's computer, `import seaborn as sns` is an ordinary line. Where seaborn is not installed, it would
end its cell and take everything below it along. So a name that cannot be imported is bound to a stand-in,
which raises what the import raised, but only when it is used. Imports inside `try` raise at once, as always:
the student has thought of that case.
"""

from __future__ import annotations

import ast
import contextlib
import importlib.util
import sys
from collections.abc import Callable, Sequence
from typing import Any, NoReturn

from IPython.core.getipython import get_ipython

from autograder.core import wording
from autograder.student.colab import Colab, is_colab

_USES = (
    "call", "getitem", "setitem", "delitem", "len", "iter", "next", "contains", "setattr", "delattr",
    "bool", "int", "float", "complex", "index", "round", "bytes", "format", "fspath", "array",
    "add", "radd", "sub", "rsub", "mul", "rmul", "matmul", "rmatmul", "truediv", "rtruediv", "floordiv",
    "rfloordiv", "mod", "rmod", "pow", "rpow", "divmod", "rdivmod", "and", "rand", "or", "ror", "xor", "rxor",
    "lshift", "rlshift", "rshift", "rrshift", "neg", "pos", "abs", "invert", "eq", "ne", "lt", "le", "gt",
    "ge", "enter", "exit", "await", "aiter", "anext", "mro_entries", "instancecheck", "subclasscheck",
)  # fmt: skip


class Absent:
    """Stands for something that could not be imported; whatever is done with it raises why."""

    def __init__(self, error: ImportError) -> None:
        vars(self)["_error"] = error

    def __getattr__(self, name: str) -> NoReturn:
        if name.startswith("__") and name.endswith("__") and name != "__version__":
            raise AttributeError(name)  # Python and IPython look for these in any object
        _raise(self)

    __hash__ = object.__hash__

    def __repr__(self) -> str:
        return f"<{vars(self)['_error']}>"


def _raise(absent: Absent, *_: Any, **__: Any) -> NoReturn:
    error = vars(absent)["_error"]
    raised = type(error)(str(error), name=error.name)
    raised._absent = True
    raise raised


for _use in _USES:
    setattr(Absent, f"__{_use}__", _raise)


def stand_in(path: str, name: str, bound: Any) -> Any:
    """What to bind to a name whose import has just failed; called in the `except` block around it.

    `path` is what was to be imported, `bound` what the name is bound to so far.
    """
    error = sys.exc_info()[1]
    assert isinstance(error, ImportError)
    if is_colab(path):
        return Colab("google" if name == "google" else path)
    explained = _explained(error)
    _tell(wording.import_failed(str(explained)))
    package = path.split(".", maxsplit=1)[0]
    if name == package and package in sys.modules:  # `import torch.nonsense` has bound nothing
        _hang_below(sys.modules[package], path.split(".")[1:], explained)
        return sys.modules[package]
    is_here = package in sys.modules or _can_find(package)
    return bound if is_here and bound is not None else Absent(explained)


def _hang_below(module: Any, path: Sequence[str], error: ImportError) -> None:
    """Put a stand-in where a submodule is missing, so that using it says which. What is there stays."""
    for name in path:
        if not hasattr(module, name):
            setattr(module, name, Absent(error))
            return
        module = getattr(module, name)


def star_import_failed() -> None:
    """Say that `from package import *` failed."""
    error = sys.exc_info()[1]
    assert isinstance(error, ImportError)
    _tell(wording.import_failed(str(_explained(error))))


def left_out(line: str) -> Absent:
    """Say that a statement was left out because it uses a stand-in; returns one for the names that it binds.

    Raises any other error again.
    """
    error = sys.exc_info()[1]
    if not isinstance(error, ImportError) or not getattr(error, "_absent", False):
        raise
    _tell(wording.line_left_out(line, str(error)))
    return Absent(error)


def _explained(error: ImportError) -> ImportError:
    """The same error; if a module is missing, it says where."""
    if isinstance(error, ModuleNotFoundError) and error.name:
        return ModuleNotFoundError(wording.no_module(error.name), name=error.name)
    return type(error)(str(error), name=error.name)


_told: set[tuple[int, str]] = set()


def _tell(sentence: str) -> None:
    """Print the sentence, once per cell."""
    key = (get_ipython().execution_count, sentence)
    if key not in _told:
        _told.add(key)
        print(sentence, file=sys.stderr)


def _can_find(package: str) -> bool:
    try:
        return package in sys.modules or importlib.util.find_spec(package) is not None
    except (ImportError, ValueError):
        return False


def _is_loaded(module: str | None, name: str) -> bool:
    """Whether the import needs nothing that may be missing: another one has loaded it already."""
    loaded = sys.modules.get(module or "")
    return loaded is not None and (name == module or hasattr(loaded, name))


_HELPERS = f"__import__({__name__!r}, fromlist=['x'])"


class ImportTransformer(ast.NodeTransformer):
    """Rewrites a cell's imports so that a failed one binds a stand-in; IPython applies it to every cell."""

    def __init__(self, names: Callable[[], dict[str, Any]]) -> None:
        self._names = names
        """The notebook's names."""
        self._missing: set[str] = set()

    def visit_Module(self, node: ast.Module) -> ast.Module:
        self._missing = {name for name, value in list(self._names().items()) if type(value) is Absent}
        last = node.body[-1:]  # nothing is below it, and its value is displayed
        with contextlib.suppress(RecursionError):  # nested too deeply: IPython would drop this transformer
            node.body = self._block([x for x in node.body if x not in last]) + self._block(last, last=True)
        return node

    def _block(self, body: list[ast.stmt], last: bool = False, colab_only: bool = False) -> list[ast.stmt]:
        return [new for node in body for new in self._statement(node, last, colab_only)]

    def _statement(self, node: ast.stmt, last: bool, colab_only: bool) -> list[ast.stmt]:
        if isinstance(node, ast.Import):
            return [self._import(node, alias, alias.name, colab_only) for alias in node.names]
        if isinstance(node, ast.ImportFrom):
            module = "." * node.level + (node.module or "")
            if module == "__future__":
                return [node]
            return [self._import(node, x, f"{module}.{x.name}", colab_only) for x in node.names]
        whole = node if colab_only else self._may_be_left_out(node, last)
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            colab_only = True  # any other import that fails there fails the function alone
        if isinstance(node, (ast.Try, ast.TryStar)):
            node.orelse = self._block(node.orelse, False, colab_only)
            node.finalbody = self._block(node.finalbody, False, colab_only)
            for handler in node.handlers:
                handler.body = self._block(handler.body, False, colab_only)
        elif not isinstance(node, ast.ClassDef) and not _suppresses(node):
            for part in ("body", "orelse"):
                if isinstance(getattr(node, part, None), list):
                    setattr(node, part, self._block(getattr(node, part), False, colab_only))
        return [whole]

    def _import(
        self, node: ast.Import | ast.ImportFrom, alias: ast.alias, path: str, colab_only: bool
    ) -> ast.stmt:
        """`try: import seaborn as sns` with an `except` that binds a stand-in to `sns`."""
        if colab_only and not is_colab(path):
            return self._alone(node, alias)
        name = alias.asname or alias.name.split(".")[0]
        if not _is_loaded(node.module if isinstance(node, ast.ImportFrom) else path, alias.name):
            self._missing.add(name)
        if name == "*":
            rescue = f"{_HELPERS}.star_import_failed()"
        else:
            rescue = f"{name} = {_HELPERS}.stand_in({path!r}, {name!r}, globals().get({name!r}))"
        return _tried(self._alone(node, alias), rescue)

    @staticmethod
    def _alone(node: ast.Import | ast.ImportFrom, alias: ast.alias) -> ast.stmt:
        if isinstance(node, ast.Import):
            return ast.copy_location(ast.Import([alias]), node)
        return ast.copy_location(ast.ImportFrom(node.module, [alias], node.level), node)

    def _may_be_left_out(self, node: ast.stmt, last: bool) -> ast.stmt:
        """Leave out a statement such as `sns.set_theme()` or `colors = sns.color_palette()` without sns.

        What it binds is missing, too. The last line is left out only if it binds something.
        """
        used = {x.id for part in _run_at_once(node) for x in ast.walk(part) if isinstance(x, ast.Name)}
        bound = _bound(node)
        if used.isdisjoint(self._missing) or (last and not bound):
            return node
        self._missing.update(bound)
        line = ast.unparse(node).split("\n", maxsplit=1)[0][:80]
        return _tried(node, " = ".join([*bound, f"{_HELPERS}.left_out({line!r})"]))


def _run_at_once(node: ast.stmt) -> list[ast.AST]:
    """The parts of a statement that use names when the statement runs, not later or in lines of their own."""
    if isinstance(node, (ast.Expr, ast.Assign, ast.AnnAssign, ast.AugAssign)):
        return [node]
    if isinstance(node, (ast.For, ast.AsyncFor)):
        return [node.iter]
    if isinstance(node, (ast.With, ast.AsyncWith)):
        return [item.context_expr for item in node.items]
    if isinstance(node, ast.ClassDef):
        return [*node.decorator_list, *node.bases, *node.keywords]
    if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
        return [*node.decorator_list, node.args, *filter(None, [node.returns])]
    return []


def _bound(node: ast.stmt) -> list[str]:
    """The names that a definition or an assignment binds."""
    if isinstance(node, (ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)):
        return [node.name]
    if not isinstance(node, (ast.Assign, ast.AnnAssign)):
        return []
    return [x.id for x in ast.walk(node) if isinstance(x, ast.Name) and isinstance(x.ctx, ast.Store)]


def _suppresses(node: ast.stmt) -> bool:
    """Whether it is a block of `with contextlib.suppress(ImportError)`."""
    items = node.items if isinstance(node, (ast.With, ast.AsyncWith)) else []
    return any("suppress" in ast.unparse(item.context_expr) for item in items)


def _tried(node: ast.stmt, rescue: str) -> ast.stmt:
    """The statement, with other code to run if it raises ImportError."""
    tried = ast.parse(f"try: pass\nexcept ImportError: {rescue}").body[0]
    assert isinstance(tried, ast.Try)
    for part in ast.walk(tried):
        ast.copy_location(part, node)
    tried.body = [node]
    return tried
