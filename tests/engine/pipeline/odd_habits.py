"""Students with habits that Jupyter allows: magics, prompts, leftovers, files that the code writes. See odd_class.py."""

from __future__ import annotations

from tests.engine.pipeline.odd_class import PART3, PART4, Submission, odd

# -- what is left in a cell ---------------------------------------------------------------------------


@odd()
def leaves_the_raise_below(mine: Submission) -> None:
    """The solution returns before it reaches the stub's last line."""
    mine.solve("count_params", mine.cell("count_params_solution")["source"] + "\n" + last_line(mine))


@odd()
def leaves_the_raise_as_a_comment(mine: Submission) -> None:
    mine.swap("count_params", "    pairs =", f"    # {last_line(mine).strip()}\n    pairs =")


@odd()
def leaves_the_stub_in_the_cell(mine: Submission) -> None:
    """The stub and, below it in the same cell, the function once more."""
    mine.on_top_of("count_params_solution", mine.stub("count_params") + "\n\n")


def last_line(mine: Submission) -> str:
    return mine.stub("count_params").splitlines()[-1]


@odd()
def pastes_prompts(mine: Submission) -> None:
    """Jupyter removes the prompts of a Python shell, and the indentation of a whole cell."""
    first, *rest = mine.cell("count_params_solution")["source"].splitlines()
    mine.solve("count_params", "\n".join([f">>> {first}", *(f"... {line}".rstrip() for line in rest)]))
    lines = mine.cell("xor_weights_solution")["source"].splitlines()
    mine.solve("xor_weights", "\n".join(f"    {line}" for line in lines))


@odd()
def indents_with_tabs(mine: Submission) -> None:
    mine.solve("count_params", mine.cell("count_params_solution")["source"].replace("    ", "\t"))


@odd()
def renames_and_assigns(mine: Submission) -> None:
    mine.swap("count_params", "def count_params(", "def my_version_2(")
    mine.solve(
        "count_params", mine.cell("count_params_solution")["source"] + "\n\n\ncount_params = my_version_2;"
    )


@odd()
def replaces_the_imports_cell(mine: Submission) -> None:
    mine.insert(
        "import math, sys, os\nimport numpy as np\nimport torch, torch.nn as nn\nimport torch.nn.functional as F\n"
        "from matplotlib import pyplot as plt",
        above="imports",
    )
    mine.remove("imports")


# -- magics ---------------------------------------------------------------------------------------------


@odd()
def silences_the_imports(mine: Submission) -> None:
    mine.on_top_of("imports", "%%capture")


@odd()
def configures_the_notebook(mine: Submission) -> None:
    mine.on_top_of(
        "imports",
        "%config Completer.use_jedi = False\n%config IPCompleter.greedy = True\n%precision 3\n%xmode Verbose\n"
        "%env MODE=homework\n%matplotlib inline\n%lsmagic\nget_ipython().run_line_magic('matplotlib', 'inline')",
    )


@odd()
def asks_whether_this_is_colab(mine: Submission) -> None:
    mine.on_top_of(
        "imports",
        "import sys\nIN_COLAB = 'google.colab' in sys.modules or 'google.colab' in str(get_ipython())\n"
        "if IN_COLAB:\n    from google.colab import drive\n    drive.mount('/content/drive')\n"
        "    %cd /content/drive/MyDrive",
    )


@odd()
def debugs(mine: Submission) -> None:
    """A debugger that waits for input, after a cell that fails and in one that does not."""
    mine.insert("%pdb on", below="imports")
    mine.insert("relu(torch.ones(2), 3, 4)", below="activations")
    mine.insert("import pdb\npdb.set_trace()", below="activations")
    mine.insert("%debug", below="activations")


@odd()
def leaves_with_exit(mine: Submission) -> None:
    mine.insert("exit()")


@odd()
def runs_a_helper_file(mine: Submission) -> None:
    mine.files["helper.py"] = b"def layers_of(sizes):\n    return zip(sizes, sizes[1:])\n"
    mine.insert("%run helper.py\n!python helper.py", above="count_params_solution")
    mine.swap("count_params", "zip(architecture, architecture[1:])", "layers_of(architecture)")


# -- what the code does ---------------------------------------------------------------------------------


@odd()
def writes_files(mine: Submission) -> None:
    """The functions keep notes in files, one of which was handed in with the notebook."""
    mine.files["counts.json"] = b"{}"
    mine.on_top_of(
        "count_params_solution",
        "import json, os, pathlib\nos.makedirs('logs/counts', exist_ok=True)\n"
        "assert json.load(open('counts.json')) is not None\n",
    )
    mine.swap(
        "count_params",
        "    pairs =",
        "    with open('counts.json', 'w') as file:\n        json.dump(list(map(int, architecture)), file)\n"
        "    with pathlib.Path('logs/counts/log.txt').open('a') as file:\n        file.write('called\\n')\n"
        "    architecture = json.load(open('counts.json'))\n    pairs =",
    )


@odd(PART4)
def saves_checkpoints(mine: Submission) -> None:
    """The best weights are kept in a file, and digits are loaded by two processes."""
    mine.solve(
        "fit_early_stopping",
        "def fit_early_stopping(model, train_step, val_loss, max_epochs, patience):\n"
        "    losses, best, best_epoch = [], math.inf, -1\n"
        "    for epoch in range(max_epochs):\n"
        "        train_step(model)\n"
        "        losses.append(float(val_loss(model)))\n"
        "        if losses[-1] < best:\n"
        "            best, best_epoch = losses[-1], epoch\n"
        "            torch.save(model.state_dict(), 'best_model.pt')\n"
        "        elif epoch - best_epoch >= patience:\n"
        "            break\n"
        "    if best_epoch >= 0:\n"
        "        model.load_state_dict(torch.load('best_model.pt'))\n"
        "    return {'best_epoch': max(best_epoch, 0), 'val_losses': losses}",
    )
    mine.swap("mnist", "shuffle=True)", "shuffle=True, num_workers=2)")


@odd(PART3)
def reuses_the_name_of_a_class(mine: Submission) -> None:
    mine.swap("mlp", "super().__init__()", "super(MLP, self).__init__()")
    mine.insert(
        "MLP = MLP(4, 3, 2)\nevaluate = evaluate(MLP, [(torch.ones(1, 4), torch.tensor([0]))], F.cross_entropy, 'cpu')"
    )


@odd()
def builds_on_other_exercises(mine: Submission) -> None:
    """Modules of the notebook's own that call its own functions, and names from a test cell."""
    mine.solve(
        "choose_activation",
        "class Apply(nn.Module):\n    def __init__(self, function):\n        super().__init__()\n"
        "        self.function = function\n\n    def forward(self, x):\n        return self.function(x)\n\n\n"
        "def choose_activation(role):\n"
        "    table = {'hidden': relu, 'binary_output': sigmoid, 'multiclass_output': lambda x: softmax(x, dim=1)}\n"
        "    if role not in table:\n        raise ValueError(f'no activation for {role}')\n"
        "    return Apply(table[role])",
    )
    mine.swap("count_params", "architecture[1:])", "architecture[len(and_inputs) - 3:])")


@odd()
def scripts_a_function(mine: Submission) -> None:
    """TorchScript and inspect read the source of a function from its cell."""
    mine.swap("activations", "def relu(x):", "@torch.jit.script\ndef relu(x: torch.Tensor) -> torch.Tensor:")
    mine.swap("activations", "torch.where(x > 0, x, 0)", "torch.where(x > 0, x, torch.zeros_like(x))")
    mine.insert(
        "import inspect\nprint(inspect.getsource(sigmoid), inspect.getfile(sigmoid))", below="activations"
    )


@odd()
def works_in_threads(mine: Submission) -> None:
    mine.on_top_of("count_params_solution", "from concurrent.futures import ThreadPoolExecutor\n\n")
    mine.swap(
        "count_params",
        "return sum((inputs + bool(bias)) * outputs for inputs, outputs in pairs)",
        "with ThreadPoolExecutor(2) as pool:\n"
        "        return sum(pool.map(lambda pair: (pair[0] + bool(bias)) * pair[1], pairs))",
    )


@odd()
def prints_a_lot(mine: Submission) -> None:
    mine.swap(
        "count_params",
        "    pairs =",
        "    for layer in range(2000):\n        print('layer', layer, '.' * 100)\n    pairs =",
    )
    mine.insert("for number in range(20000):\n    print(number, end='\\r')", below="imports")


@odd()
def stars_numpy_at_the_end(mine: Submission) -> None:
    mine.insert("from numpy import *\nfrom math import *\nimport sys\nsys.stdout = open('output.txt', 'w')")
