"""Right ways to write the two-layer network, none of them the usual one."""

import sys
import warnings

import torch
import torch.nn.functional as F
from torch import nn

from autograder.samples import replaces


@replaces("MLP")
def sequential_factory(input_size, hidden_size, num_classes, p=0.2):
    """A plain function that returns an nn.Sequential; no class at all."""
    return nn.Sequential(
        nn.Flatten(),
        nn.Linear(input_size, hidden_size),
        nn.ReLU(),
        nn.Dropout(p),
        nn.Linear(hidden_size, num_classes),
    )


@replaces("MLP")
class child_of_sequential(nn.Sequential):
    """A subclass of nn.Sequential without a forward of its own."""

    def __init__(self, input_size, hidden_size, num_classes, p=0.2):
        super().__init__(
            nn.Flatten(start_dim=1),
            nn.Linear(input_size, hidden_size),
            nn.ReLU(inplace=True),
            nn.Dropout(p=p),
            nn.Linear(hidden_size, num_classes),
        )


@replaces("MLP")
class functional_dropout(nn.Module):
    """F.dropout, told by hand whether the model is in training mode."""

    def __init__(self, n_in, n_hidden, n_out, p=0.2):
        super().__init__()
        self.first = nn.Linear(n_in, n_hidden)
        self.second = nn.Linear(n_hidden, n_out)
        self.rate = p

    def forward(self, batch):
        hidden = F.relu(self.first(torch.flatten(batch, 1)))
        return self.second(F.dropout(hidden, self.rate, training=self.training))


@replaces("MLP")
class dropout_before_relu(nn.Module):
    """Dropout on the pre-activations: a dropped 0 stays 0 behind a ReLU, so it is the same."""

    def __init__(self, input_size, hidden_size, num_classes, p=0.2):
        super().__init__()
        self.w1 = nn.Linear(input_size, hidden_size)
        self.w2 = nn.Linear(hidden_size, num_classes)
        self.noise = nn.Dropout(p)

    def forward(self, x):
        return self.w2(self.noise(self.w1(x.flatten(1))).clamp(min=0))


@replaces("MLP")
class gelu_hidden(nn.Module):
    """GELU in place of ReLU, the layers declared in the order of their use."""

    def __init__(self, input_size, hidden_size, num_classes, p=0.2):
        nn.Module.__init__(self)
        self.body = nn.Sequential(nn.Linear(input_size, hidden_size), nn.GELU(), nn.Dropout(p))
        self.head = nn.Linear(hidden_size, num_classes)

    def forward(self, x):
        return self.head(self.body(x.reshape(x.shape[0], -1)))


@replaces("MLP")
class leaky_module_dict(nn.Module):
    """LeakyReLU, with the layers in an nn.ModuleDict that is walked in a loop."""

    def __init__(self, input_size, hidden_size, num_classes, p=0.2):
        super().__init__()
        self.steps = nn.ModuleDict()
        self.steps["flatten"] = nn.Flatten()
        self.steps["hidden"] = nn.Linear(input_size, hidden_size)
        self.steps["bend"] = nn.LeakyReLU(0.05)
        self.steps["drop"] = nn.Dropout(p)
        self.steps["logits"] = nn.Linear(hidden_size, num_classes)

    def forward(self, x):
        for step in self.steps.values():
            x = step(x)
        return x


@replaces("MLP")
class bare_parameters(nn.Module):
    """Weights and biases as nn.Parameter, multiplied by hand; no nn.Linear in sight."""

    def __init__(self, input_size, hidden_size, num_classes, p=0.2):
        super().__init__()
        self.W1 = nn.Parameter(torch.empty(hidden_size, input_size))
        self.b1 = nn.Parameter(torch.zeros(hidden_size))
        self.W2 = nn.Parameter(torch.empty(num_classes, hidden_size))
        self.b2 = nn.Parameter(torch.zeros(num_classes))
        nn.init.kaiming_uniform_(self.W1, nonlinearity="relu")
        nn.init.kaiming_uniform_(self.W2, nonlinearity="linear")
        self.drop = nn.Dropout(p)

    def forward(self, x):
        hidden = torch.relu(x.flatten(1) @ self.W1.T + self.b1)
        return self.drop(hidden) @ self.W2.T + self.b2


@replaces("MLP")
class checks_the_width(nn.Module):
    """Says itself, with a ValueError, that the width of the input is wrong."""

    def __init__(self, input_size, hidden_size, num_classes, p=0.2):
        super().__init__()
        self.input_size = input_size
        self.lin1 = nn.Linear(input_size, hidden_size)
        self.lin2 = nn.Linear(hidden_size, num_classes)
        self.drop = nn.Dropout(p)

    def forward(self, x):
        width = 1
        for size in x.shape[1:]:
            width *= size
        if width != self.input_size:
            raise ValueError(f"expected {self.input_size} numbers per sample, got {width}")
        x = x.contiguous().view(-1, width)
        x = F.silu(self.lin1(x))
        return self.lin2(self.drop(x))


@replaces("MLP")
def class_inside_a_function(input_size, hidden_size, num_classes, p=0.2):
    """The class is made inside a function and finds the layers through a closure."""

    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.a = nn.Linear(input_size, hidden_size)
            self.b = nn.Linear(hidden_size, num_classes)

        def forward(self, x):
            if x[0].numel() != input_size:
                raise RuntimeError("wrong width")
            h = self.a(x.reshape(-1, input_size)).relu()
            return self.b(F.dropout(h, p) if self.training else h)

    return Net()


@replaces("MLP")
class own_dropout_mask(nn.Module):
    """Inverted dropout written out, with a mask that is drawn where the hidden values live."""

    def __init__(self, input_size, hidden_size, num_classes, p=0.2):
        super().__init__()
        self.p = p
        self.up = nn.Linear(input_size, hidden_size)
        self.down = nn.Linear(hidden_size, num_classes)

    def forward(self, x):
        h = torch.maximum(self.up(x.flatten(start_dim=1)), x.new_zeros(()))
        if self.training and self.p > 0:
            kept = torch.rand_like(h) >= self.p
            h = h * kept / max(1 - self.p, 1e-12)
        return self.down(h)


@replaces("MLP")
class einsum_layers(nn.Module):
    """Two nn.Linear hold the numbers, einsum multiplies them."""

    def __init__(self, input_size, hidden_size, num_classes, p=0.2):
        super().__init__()
        self.layers = nn.ModuleList([nn.Linear(input_size, hidden_size), nn.Linear(hidden_size, num_classes)])
        self.act = nn.ELU()
        self.drop = nn.Dropout(p)

    def forward(self, x):
        for i, layer in enumerate(self.layers):
            if i > 0:
                x = self.drop(self.act(x))
            x = torch.einsum("nd,hd->nh", x.flatten(1), layer.weight) + layer.bias
        return x


@replaces("MLP")
class talks_a_lot(nn.Module):
    """Prints shapes, warns and writes to stderr on the way; the numbers are right."""

    def __init__(self, input_size, hidden_size, num_classes, p=0.2, verbose=True):
        super().__init__()
        self.verbose = verbose
        self.fc_in = nn.Linear(input_size, hidden_size)
        self.fc_out = nn.Linear(hidden_size, num_classes)
        self.drop = nn.Dropout(p)
        print("MLP with", sum(w.numel() for w in self.parameters()), "parameters")

    def forward(self, x):
        if self.verbose:
            print("in:", tuple(x.shape), file=sys.stderr)
            warnings.warn("dropout is " + ("on" if self.training else "off"), stacklevel=2)
        x = torch.stack([sample.flatten() for sample in x])
        x = self.fc_in(x)
        return self.fc_out(self.drop(torch.where(x > 0, x, torch.zeros_like(x))))
