"""Many runs at once, as lists, arrays or tensors."""

import numpy as np
import torch

FORMS = {
    "list": list,
    "array": np.array,
    "tensor": torch.tensor,
}


def answers(nb, runs, form="list"):
    """classify_run on each of the runs {runs}, given as {form}"""
    return [nb.classify_run(FORMS[form](losses)) for losses in runs]


def rates(nb, lr, runs, form="list"):
    """next_learning_rate({lr}, losses) after each of the runs {runs}, given as {form}"""
    return [nb.next_learning_rate(lr, FORMS[form](losses)) for losses in runs]
