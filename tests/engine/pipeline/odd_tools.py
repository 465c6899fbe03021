"""Students whose notebook is odd because of the program that saved it, or because of their style. See odd_class.py."""

from __future__ import annotations

import copy
import json

from tests.engine.pipeline.odd_class import PART1, PART2, Submission, odd

# -- what programs do to a notebook -------------------------------------------------------------------


def drop_ids(mine: Submission, minor: int) -> None:
    """Save in format 4.`minor`, in which cells have no ids."""
    mine.notebook["nbformat_minor"] = minor
    for cell in mine.notebook["cells"]:
        del cell["id"]


@odd(whole=True)
def saved_by_colab(mine: Submission) -> None:
    mine.on_top_of(
        "count_params_solution",
        '#@title My solution { display-mode: "form" }\nlayers = 3 #@param {type:"slider", min:1, max:9, step:1}\n',
    )
    for number, cell in enumerate(mine.notebook["cells"]):
        cell["metadata"] |= {"id": f"Xq{number:010}"}
        if cell["cell_type"] == "code":
            cell["metadata"] |= {
                "cellView": "form",
                "outputId": f"0a{number:08}",
                "colab": {"base_uri": "https://localhost:8080/"},
            }
    drop_ids(mine, 0)
    mine.notebook["metadata"] = {
        "colab": {"provenance": [], "gpuType": "T4", "toc_visible": True},
        "kernelspec": {"name": "python3", "display_name": "Python 3"},
        "language_info": {"name": "python"},
        "accelerator": "GPU",
    }


@odd(whole=True)
def saved_by_vs_code(mine: Submission) -> None:
    for cell in mine.notebook["cells"]:
        cell["metadata"] |= {"vscode": {"languageId": "python"}, "pycharm": {"name": "#%%\n"}}
    drop_ids(mine, 2)
    mine.notebook["metadata"] = {
        "kernelspec": {"display_name": ".venv (3.12.4)", "language": "python", "name": "my-env"},
        "language_info": {
            "codemirror_mode": {"name": "ipython", "version": 3},
            "file_extension": ".py",
            "name": "python",
            "version": "3.12.4",
        },
        "orig_nbformat": 4,
        "vscode": {
            "interpreter": {"hash": "31f2aee4e71d21fbe5cf8b01ff0e069b9275f58929596ceb00d14d90e3e16cd6"}
        },
    }


@odd(whole=True)
def saved_by_jupyter_with_outputs(mine: Submission) -> None:
    """Lines in lists, widgets, errors, pictures, a progress bar, execution counts out of order, collapsed cells."""
    view = {
        "application/vnd.jupyter.widget-view+json": {
            "model_id": "f00",
            "version_major": 2,
            "version_minor": 0,
        }
    }
    for number, cell in enumerate(mine.notebook["cells"]):
        cell["source"] = cell["source"].splitlines(keepends=True)
        if cell["cell_type"] == "code":
            cell["execution_count"] = 200 - number
            cell["metadata"] |= {
                "collapsed": True,
                "scrolled": True,
                "jupyter": {"source_hidden": True, "outputs_hidden": True},
                "tags": ["hide"],
                "ExecuteTime": {"end_time": "2026-01-05T10:00:00", "start_time": "2026-01-05T09:59:59"},
            }
            cell["outputs"] = [
                {
                    "output_type": "display_data",
                    "data": view | {"text/plain": ["0%|   | 0/10"]},
                    "metadata": {},
                },
                {
                    "output_type": "display_data",
                    "data": {"image/png": "iVBORw0KGgo=\n"},
                    "metadata": {"needs_background": "light"},
                },
                {"output_type": "stream", "name": "stderr", "text": ["a\n", "b"]},
                {
                    "output_type": "error",
                    "ename": "NameError",
                    "evalue": "x",
                    "traceback": ["\x1b[0;31mNameError\x1b[0m"],
                },
            ]
    mine.notebook["metadata"]["widgets"] = {
        "application/vnd.jupyter.widget-state+json": {"state": {}, "version_major": 2, "version_minor": 0}
    }


@odd()
def saved_in_format_4_4(mine: Submission) -> None:
    drop_ids(mine, 4)


@odd()
def saved_on_windows(mine: Submission) -> None:
    for cell in mine.notebook["cells"]:
        cell["source"] = cell["source"].replace("\n", "\r\n")
    mine.encode = lambda notebook: (
        b"\xef\xbb\xbf" + json.dumps(notebook, indent=1).replace("\n", "\r\n").encode()
    )


@odd()
def has_raw_and_other_cells(mine: Submission) -> None:
    mine.insert("---\ntitle: my homework\n---", above="imports", kind="raw")
    mine.insert("# Module 6 ![x](attachment:x.png)", above="imports", kind="markdown")["attachments"] = {
        "x.png": {"image/png": "iVBORw0KGgo="}
    }
    mine.insert("", below="imports")
    mine.insert("# only a comment", below="imports")
    mine.insert("%%html\n<b>part 1</b>", below="imports")
    mine.insert("%%javascript\nalert(1)", below="imports")
    mine.insert("%%bash\nls | head -3", below="imports")


@odd()
def pasted_pictures(mine: Submission) -> None:
    """One into a written answer, and one in a cell that was copied without its attachment."""
    mine.cell("reflection_1")["attachments"] = {"image.png": {"image/png": "iVBORw0KGgo="}}
    mine.write("reflection_1", "No line does it:\n\n![image.png](attachment:image.png)")
    mine.insert("![gone](attachment:gone.png) ![file](xor.png)", above="imports", kind="markdown")


@odd()
def has_lost_all_metadata(mine: Submission) -> None:
    """A converter to and from a script drops the metadata and gives new ids."""
    for number, cell in enumerate(mine.notebook["cells"]):
        if cell["cell_type"] == "code":
            cell["metadata"] = {}
        cell["id"] = f"{number:08x}"
    mine.notebook["metadata"] = {}


# -- scratch work ---------------------------------------------------------------------------------------


@odd()
def keeps_scratch_work(mine: Submission) -> None:
    """Cells that fail, that ask, that wait, that plot."""
    mine.insert("import time\nstarted = time.perf_counter()", below="imports")
    mine.insert("name = input('Your name? ')", below="claims")
    mine.insert("1 / 0", below="claims")
    mine.insert("def broken(:\n    pass", below="claims")
    mine.insert("time.sleep(2)", below="claims")
    mine.insert("assert torch.cuda.is_available(), 'choose a GPU runtime'", below="claims")
    mine.insert("torch.relu?\nfiles = !ls\n%timeit -n 1 -r 1 sum(range(10))\n%who", below="xor_weights")
    mine.insert(
        "plt.plot([1, 2], [3, 4]); plt.show(block=True); plt.close('all')\nraise SystemExit",
        below="xor_weights",
    )
    mine.insert("print(time.perf_counter() - started, 'seconds')\n_")


@odd()
def logs_and_styles(mine: Submission) -> None:
    mine.insert(
        "import logging, sys\nlogging.basicConfig(level=logging.DEBUG, stream=sys.stdout, force=True)\n"
        "logging.getLogger('matplotlib').setLevel(logging.WARNING)\n"
        "plt.style.use('ggplot'); plt.rcParams['figure.dpi'] = 120\n"
        "%config InlineBackend.figure_format = 'retina'\n"
        "from IPython.display import clear_output, display, Markdown\ndisplay(Markdown('# hi')); clear_output(wait=True)\n"
        "from IPython.core.interactiveshell import InteractiveShell\nInteractiveShell.ast_node_interactivity = 'all'",
        below="imports",
    )
    mine.on_top_of("count_params_solution", "logging.info('counting')\n")


@odd()
def measures_its_cells(mine: Submission) -> None:
    """`%%time` and `%%capture` run the cell, and its names stay."""
    mine.on_top_of("count_params_solution", "%%time")
    mine.on_top_of("activations_solution", "%%capture printed")
    mine.swap("claims", "CLAIMS = {", "%time CLAIMS = {")
    mine.solve("claims", mine.cell("claims_solution")["source"].replace("\n    ", " ").replace(",\n}", "}"))


@odd()
def awaits(mine: Submission) -> None:
    """`await` outside of a function, which Jupyter allows."""
    mine.on_top_of("count_params_solution", "import asyncio\nawait asyncio.sleep(0.01)\n")


# -- style ------------------------------------------------------------------------------------------------


@odd()
def annotates_everything(mine: Submission) -> None:
    mine.solve(
        "count_params",
        "from __future__ import annotations\n\nfrom collections.abc import Sequence\nfrom dataclasses import dataclass\n\n\n"
        "@dataclass(frozen=True)\nclass Layer:\n    n_in: int\n    n_out: int\n\n"
        "    def count(self, bias: bool) -> int:\n        return (self.n_in + bool(bias)) * self.n_out\n\n\n"
        "def count_params(architecture: Sequence[int] | list[int], bias: bool = True) -> int:\n"
        "    layers: list[Layer] = [Layer(*pair) for pair in zip(architecture, architecture[1:])]\n"
        "    return sum(layer.count(bias) for layer in layers)",
    )


@odd()
def writes_in_german(mine: Submission) -> None:
    mine.solve(
        "count_params",
        "# Anzahl der Gewichte: für jede Schicht (Eingänge + 1) · Ausgänge — ünïcödé 参数数量 🙂\n"
        "def zähle(größen, bias):\n    return sum((n + bool(bias)) * m for n, m in zip(größen, größen[1:]))\n\n\n"
        "def count_params(architecture, bias=True):\n    π = zähle(list(architecture), bias)\n    return π",
    )


@odd()
def has_no_plain_functions(mine: Submission) -> None:
    """A lambda, an object with `__call__`, a module, a partial, a cached function, a decorated one."""
    mine.solve(
        "activations",
        "import functools\n\n\ndef stable(x, dim):\n    return torch.log_softmax(x, dim).exp()\n\n\n"
        "relu = nn.ReLU()\nsigmoid = lambda x: torch.exp(F.logsigmoid(x))\n\n\n"
        "def softmax(x, dim=-1):\n    return functools.partial(stable, dim=dim)(x)",
    )
    mine.solve(
        "count_params",
        "class Counter:\n    def __init__(self):\n        self.calls = 0\n\n"
        "    def __call__(self, architecture, bias=True):\n        self.calls += 1\n"
        "        return sum((n + bool(bias)) * m for n, m in zip(architecture, architecture[1:]))\n\n\n"
        "count_params = Counter()",
    )
    mine.on_top_of("gradient_flow_solution", "@functools.lru_cache(maxsize=None)")
    mine.on_top_of("count_parameters_solution", "@torch.no_grad()")


@odd()
def guards_its_main_part(mine: Submission) -> None:
    mine.on_top_of("count_params_solution", "if __name__ == '__main__':\n    ONE = 1\n\n")
    mine.swap("count_params", "bool(bias)", "bool(bias) * ONE")
    mine.insert("if __name__ == '__main__':\n    print(count_params([2, 3, 1]))", below="count_params")


@odd()
def keeps_global_state(mine: Submission) -> None:
    mine.on_top_of("count_params_solution", "calls = 0\n\n")
    mine.swap("count_params", "    pairs =", "    global calls\n    calls += 1\n    pairs =")


@odd()
def shows_progress(mine: Submission) -> None:
    """tqdm starts a thread that watches its bars, unless it is told not to."""
    mine.insert("from tqdm.auto import tqdm, trange\nfor step in trange(3):\n    pass", below="imports")
    mine.swap("train_perceptron", "range(epochs)", "tqdm(range(epochs))")


@odd()
def tries_to_import_tqdm(mine: Submission) -> None:
    mine.insert(
        "try:\n    from tqdm.notebook import tqdm\nexcept ImportError:\n    def tqdm(steps, **options):\n        return steps",
        below="imports",
    )
    mine.swap("train_perceptron", "range(epochs)", "tqdm(range(epochs), desc='epoch', leave=False)")


@odd()
def executes_text(mine: Submission) -> None:
    source = mine.cell("activations_solution")["source"]
    mine.solve("activations", f"exec({source!r})\nglobals()['me'] = locals()")


@odd()
def uses_new_syntax(mine: Submission) -> None:
    mine.swap(
        "count_params", "    pairs =", "    if (n := len(architecture)) < 2:\n        return 0\n    pairs ="
    )
    mine.swap("count_params", "return sum(", "match n:\n        case _:\n            return sum(")


@odd(PART1, PART2)
def asks_for_help(mine: Submission) -> None:
    """Two notebooks, in each a copy of every solution before it, as a backup in a markdown cell and in a string."""
    for cell in copy.deepcopy(mine.notebook["cells"]):
        if cell["id"].endswith("_solution"):
            mine.insert(f"```python\n{cell['source']}\n```", below=cell["id"], kind="markdown")
            mine.insert(f"BACKUP = {cell['source']!r}", below=cell["id"])
