"""Students who use a name twice, write an answer in an odd place, or hand in files beside the notebook.

See odd_class.py. All of them see the visible examples of every exercise pass in Jupyter or Colab, except where
`fails_in_jupyter` says otherwise.
"""

from __future__ import annotations

import copy

from tests.engine.pipeline.odd_class import PART2, Submission, odd

# -- a name that means something else further down ------------------------------------------------


@odd(PART2)
def overwrites_cross_entropy_at_the_end(mine: Submission) -> None:
    mine.insert(
        "z, y = torch.randn(4, 3), torch.tensor([0, 1, 2, 0])\n"
        "cross_entropy = cross_entropy(z, y)\n"
        "print(cross_entropy)"
    )


@odd(PART2)
def overwrites_cross_entropy_below_its_test(mine: Submission) -> None:
    mine.insert(
        "cross_entropy = cross_entropy(torch.zeros(2, 3), torch.tensor([0, 1]))", below="cross_entropy"
    )


@odd()
def uses_a_helper_named_sigmoid_later(mine: Submission) -> None:
    """The function of one exercise and a helper of a later one have the same name."""
    mine.solve(
        "gradient_flow",
        "def sigmoid(z):\n"
        "    small = math.exp(-abs(z))\n"
        "    return (1 if z > 0 else small) / (1 + small)\n\n\n"
        "def gradient_flow(activation, z, n_layers):\n"
        "    slope = sigmoid(z) * sigmoid(-z) if activation == 'sigmoid' else float(z > 0)\n"
        "    return [slope**n for n in range(n_layers + 1)]",
    )


@odd()
def uses_two_helpers_named_err(mine: Submission) -> None:
    mine.swap("train_perceptron", "int(label) - int(w @ x + b > 0)", "err(w, b, x, label)")
    mine.on_top_of(
        "train_perceptron_solution",
        "def err(w, b, x, label):\n    return int(label) - int(w @ x + b > 0)\n\n",
    )
    mine.swap("loss_and_probs", "F.cross_entropy(", "err(")
    mine.on_top_of(
        "loss_and_probs_solution", "def err(logits, labels):\n    return F.cross_entropy(logits, labels)\n\n"
    )


@odd()
def imports_exp_twice(mine: Submission) -> None:
    """`from torch import exp` in one exercise, `from math import exp` in a later one."""
    mine.swap("activations", "torch.exp(", "exp(")
    mine.on_top_of("activations_solution", "from torch import exp\n\n")
    mine.swap("gradient_flow", "math.exp(", "exp(")
    mine.on_top_of("gradient_flow_solution", "from math import exp\n\n")


@odd()
def deletes_names(mine: Submission) -> None:
    mine.insert("del relu, sigmoid, softmax, count_params, CLAIMS")


@odd()
def resets_at_the_end(mine: Submission) -> None:
    mine.insert("%reset -f")


@odd()
def resets_at_the_top(mine: Submission) -> None:
    mine.insert("%reset -f", above="imports")


@odd()
def torch_is_hot(mine: Submission) -> None:
    mine.insert('torch = "hot"\nnp = 3')


@odd()
def turns_gradients_off(mine: Submission) -> None:
    mine.insert("torch.set_grad_enabled(False)")


@odd()
def changes_the_default_dtype_at_the_end(mine: Submission) -> None:
    mine.insert("torch.set_default_dtype(torch.float64)\nprint(torch.ones(1).dtype)")


@odd()
def keeps_an_old_attempt_below(mine: Submission) -> None:
    mine.insert(
        "# my first try, wrong because of the biases\n"
        "def count_params(architecture, bias=True):\n"
        "    return sum(a * b for a, b in zip(architecture, architecture[1:]))"
    )


@odd()
def shadows_builtins_at_the_end(mine: Submission) -> None:
    mine.insert(
        "sum = 0\nfor number in [1, 2, 3]:\n    sum += number\nmax, list, int, float = 3, [1], 4, 5.0"
    )


# -- an answer in an odd place ----------------------------------------------------------------------


@odd(fails_in_jupyter=("count_params",))
def has_a_stub_below_the_solution(mine: Submission) -> None:
    """The stub's cell was copied before it was filled in, and nobody noticed the copy."""
    stub = mine.cell("count_params_solution") | {"id": "copied", "source": mine.stub("count_params")}
    mine.paste(copy.deepcopy(stub), below="count_params_solution")


@odd()
def has_a_stub_at_the_end(mine: Submission) -> None:
    stub = mine.cell("count_params_solution") | {"id": "copied", "source": mine.stub("count_params")}
    mine.paste(copy.deepcopy(stub))


@odd(told="test cell")
def answers_in_the_test_cell(mine: Submission) -> None:
    mine.on_top_of("count_params", mine.unsolve("count_params") + "\n\n")


@odd(fails_in_jupyter=("count_params",), told="above")
def answers_above_the_stub(mine: Submission) -> None:
    mine.insert(mine.unsolve("count_params"), above="count_params_solution")


@odd()
def answers_below_the_stub(mine: Submission) -> None:
    mine.insert(mine.unsolve("count_params"), below="count_params_solution")


@odd()
def answers_in_cells_of_their_own(mine: Submission) -> None:
    """Everything in one new cell at the top; the cells that were meant for it are gone."""
    names = [x["id"] for x in mine.notebook["cells"] if x["id"].endswith("_solution")]
    mine.insert("\n\n\n".join(mine.cell(name)["source"] for name in names), below="imports")
    mine.remove(*names)


@odd()
def splits_a_solution(mine: Submission) -> None:
    """JupyterLab's "Split Cell" copies nbgrader's metadata: both halves have the same grade_id."""
    cell = mine.cell("activations_solution")
    upper, lower = cell["source"].split("\n\n\ndef softmax")
    mine.paste(copy.deepcopy(cell) | {"id": "lower-half", "source": f"def softmax{lower}"}, below=cell["id"])
    mine.write(cell["id"], upper)


@odd()
def merges_two_solutions(mine: Submission) -> None:
    """JupyterLab's "Merge Cells": the first cell's metadata, the sources of all."""
    names = ("count_params_solution", "count_params", "count_parameters_solution")
    mine.write(names[0], "\n\n".join(mine.cell(name)["source"] for name in names))
    mine.remove(*names[1:])


# -- files beside the notebook ------------------------------------------------------------------------


@odd()
def imports_a_helper_file(mine: Submission) -> None:
    mine.files["helper.py"] = b"def layers_of(sizes):\n    return zip(sizes, sizes[1:])\n"
    mine.swap("count_params", "zip(architecture, architecture[1:])", "layers_of(architecture)")
    mine.on_top_of("count_params_solution", "from helper import layers_of\n\n")


@odd()
def reads_a_data_file(mine: Submission) -> None:
    claims = {"a": 0, "b": 1, "c": 1, "d": 0, "e": 1, "f": 0, "g": 0, "h": 1, "i": 0, "j": 1}
    mine.files["my_data.csv"] = "".join(f"{key},{value}\n" for key, value in claims.items()).encode()
    mine.on_top_of(
        "imports", "import csv\nwith open('my_data.csv') as file:\n    ROWS = list(csv.reader(file))\n"
    )
    mine.solve("claims", "CLAIMS = {key: value == '1' for key, value in ROWS}")


@odd()
def writes_a_module(mine: Submission) -> None:
    functions, _, rest = mine.cell("activations_solution")["source"].partition("\n\n\ndef sigmoid")
    mine.insert(f"%%writefile mysol.py\nimport torch\n\n\n{functions}\n", above="activations_solution")
    mine.solve("activations", f"from mysol import relu\n\n\ndef sigmoid{rest}")


@odd()
def imports_a_package_of_files(mine: Submission) -> None:
    mine.files["utils/__init__.py"] = b""
    mine.files["utils/counting.py"] = (
        b"def weights(n_in, n_out, bias):\n    return (n_in + bool(bias)) * n_out\n"
    )
    mine.solve(
        "count_params",
        "import sys\nsys.path.append('.')\nfrom utils import counting\n\n\n"
        "def count_params(architecture, bias=True):\n"
        "    return sum(counting.weights(a, b, bias) for a, b in zip(architecture, architecture[1:]))",
    )
