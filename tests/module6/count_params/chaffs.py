"""Wrong ways to count parameters by hand, each from a mistake that students make."""

import numpy as np
import torch
from torch import nn

from autograder.samples import replaces


@replaces("count_params")
def counts_no_bias(architecture, bias=True):
    """Every unit after the input layer has a bias of its own; only the weights are counted here."""
    return sum(a * b for a, b in zip(architecture, architecture[1:]))


@replaces("count_params")
def bias_flag_ignored(architecture, bias=True):
    """The biases are counted even when the network is asked for without them."""
    return sum((a + 1) * b for a, b in zip(architecture, architecture[1:]))


@replaces("count_params")
def one_bias_per_layer(architecture, bias=True):
    """A layer does not share one bias: each of its units has one of its own."""
    weights = sum(a * b for a, b in zip(architecture, architecture[1:]))
    return weights + (len(architecture) - 1 if bias else 0)


@replaces("count_params")
def input_units_get_a_bias(architecture, bias=True):
    """The input layer only hands the data on; its entries have no bias."""
    total = sum(architecture) if bias else 0
    for i in range(len(architecture) - 1):
        total += architecture[i] * architecture[i + 1]
    return total


@replaces("count_params")
def no_bias_at_the_output(architecture, bias=True):
    """The output layer is a linear layer like any other: its units have biases too."""
    total = 0
    for i in range(len(architecture) - 1):
        total += architecture[i] * architecture[i + 1]
        if bias and i < len(architecture) - 2:
            total += architecture[i + 1]
    return total


@replaces("count_params")
def bias_on_the_wrong_side(architecture, bias=True):
    """A bias belongs to the unit that receives the sum, not to the unit that sends its output."""
    extra = 1 if bias else 0
    return sum(a * (b + extra) for a, b in zip(architecture, architecture[1:]))


@replaces("count_params")
def forgets_the_last_layer(architecture, bias=True):
    """The loop ends one layer too early: the weights into the output layer are not counted."""
    total = 0
    for i in range(len(architecture) - 2):
        total += architecture[i] * architecture[i + 1]
        if bias:
            total += architecture[i + 1]
    return total


@replaces("count_params")
def exactly_three_weight_layers(architecture, bias=True):
    """Written for the network of the example only; a network may have any number of layers."""
    total = 0
    for i in range(3):
        total += architecture[i] * architecture[i + 1] + (architecture[i + 1] if bias else 0)
    return total


@replaces("count_params")
def counts_units(architecture, bias=True):
    """Units are not parameters: between two layers there is one weight for every PAIR of units."""
    return sum(architecture[1:]) + (sum(architecture[1:]) if bias else 0)


@replaces("count_params")
def eats_the_list(architecture, bias=True):
    """Popping from the list that was handed in changes it for the caller."""
    total = 0
    while len(architecture) > 1:
        n_in = architecture.pop(0)
        total += (n_in + bool(bias)) * architecture[0]
    return total


@replaces("count_params")
def one_size_is_not_zero(architecture, bias=True):
    """A single layer of inputs is connected to nothing, so there is nothing to learn in it."""
    if len(architecture) == 1:
        return architecture[0]
    extra = 1 if bias else 0
    return sum((a + extra) * b for a, b in zip(architecture, architecture[1:]))


@replaces("count_params")
def starts_at_the_second_layer(architecture, bias=True):
    """The first pair of layers is taken for granted; with a single size there is no such pair."""
    total = architecture[0] * architecture[1] + (architecture[1] if bias else 0)
    for i in range(2, len(architecture)):
        total += architecture[i - 1] * architecture[i] + (architecture[i] if bias else 0)
    return total


@replaces("count_params")
def neighbour_looked_up_by_value(architecture, bias=True):
    """index() finds the first layer of a size; another layer of the same size has another neighbour."""
    total = 0
    for a in architecture[:-1]:
        b = architecture[architecture.index(a) + 1]
        total += a * b + (b if bias else 0)
    return total


@replaces("count_params")
def text_with_commas(architecture, bias=True):
    """A number is asked for; here comes a text that only looks like one."""
    extra = 1 if bias else 0
    return f"{sum((a + extra) * b for a, b in zip(architecture, architecture[1:])):,}"


@replaces("count_params")
def prints_the_answer(architecture, bias=True):
    """Printing a result is not returning it: the caller gets None."""
    extra = 1 if bias else 0
    print(sum((a + extra) * b for a, b in zip(architecture, architecture[1:])))


@replaces("count_params")
def overflows_in_int32(architecture, bias=True):
    """Thirty-two bits end at about two billion; wide layers have more weights than that."""
    sizes = np.array(architecture, dtype=np.int32)
    total = np.sum(sizes[:-1] * sizes[1:], dtype=np.int32)
    return int(total) + (int(sizes[1:].sum()) if bias else 0)


# hard to catch
@replaces("count_params")
def rounds_in_float32(architecture, bias=True):
    """A float32 holds whole numbers exactly only up to about 16.7 million; counts go beyond."""
    sizes = torch.tensor(architecture, dtype=torch.float32)
    total = (sizes[:-1] * sizes[1:]).sum()
    if bias:
        total = total + sizes[1:].sum()
    return int(total)


# hard to catch
@replaces("count_params")
def builds_the_network(architecture, bias=True):
    """Building real layers draws their weights from the global generator: mere counting needs no
    randomness and must not use any up.
    """
    layers = [nn.Linear(a, b, bias=bias) for a, b in zip(architecture, architecture[1:])]
    return sum(p.numel() for p in nn.Sequential(*layers).parameters())


# hard to catch
@replaces("count_params")
def remembers_the_last_call(architecture, bias=True, counts=[]):  # noqa: B006
    """A list as a default argument is made once and lives on, so later calls add to it."""
    for a, b in zip(architecture, architecture[1:]):
        counts.append(a * b)
        if bias:
            counts.append(b)
    return sum(counts)
