"""Wrong two-layer networks, each from a mistake that students make."""

import torch
import torch.nn.functional as F
from torch import nn

from autograder.samples import replaces


@replaces("MLP")
def softmax_in_the_model(input_size, hidden_size, num_classes, p=0.2):
    """The model ends in a softmax. The loss applies one of its own to what it is given, so the
    model should hand out logits; with softmax twice the loss cannot get near zero."""
    return nn.Sequential(
        nn.Flatten(),
        nn.Linear(input_size, hidden_size),
        nn.ReLU(),
        nn.Dropout(p),
        nn.Linear(hidden_size, num_classes),
        nn.Softmax(dim=-1),
    )


@replaces("MLP")
class merges_samples(nn.Module):
    """The number of rows is left for view to work out, so an input of the wrong width is cut up
    into another number of samples instead of being refused."""

    def __init__(self, input_size, hidden_size, num_classes, p=0.2):
        super().__init__()
        self.input_size = input_size
        self.fc1 = nn.Linear(input_size, hidden_size)
        self.fc2 = nn.Linear(hidden_size, num_classes)
        self.dropout = nn.Dropout(p)

    def forward(self, x):
        x = x.reshape(-1, self.input_size)
        return self.fc2(self.dropout(torch.relu(self.fc1(x))))


@replaces("MLP")
class view_needs_contiguous(nn.Module):
    """view only relabels memory that is contiguous. A transposed or sliced batch is not, and the
    model stops there with an error."""

    def __init__(self, input_size, hidden_size, num_classes, p=0.2):
        super().__init__()
        self.fc1 = nn.Linear(input_size, hidden_size)
        self.fc2 = nn.Linear(hidden_size, num_classes)
        self.dropout = nn.Dropout(p)

    def forward(self, x):
        x = x.view(x.size(0), -1)
        return self.fc2(self.dropout(torch.relu(self.fc1(x))))


@replaces("MLP")
class fixed_image_size(nn.Module):
    """The inputs are flattened to 784 numbers, whatever size the model was asked for."""

    def __init__(self, input_size, hidden_size, num_classes, p=0.2):
        super().__init__()
        self.fc1 = nn.Linear(input_size, hidden_size)
        self.fc2 = nn.Linear(hidden_size, num_classes)
        self.dropout = nn.Dropout(p)

    def forward(self, x):
        x = x.reshape(-1, 784)
        return self.fc2(self.dropout(torch.relu(self.fc1(x))))


@replaces("MLP")
class forgets_to_flatten(nn.Module):
    """A linear layer works on the last dimension only: an image is taken apart into rows unless
    each sample is flattened first."""

    def __init__(self, input_size, hidden_size, num_classes, p=0.2):
        super().__init__()
        self.fc1 = nn.Linear(input_size, hidden_size)
        self.fc2 = nn.Linear(hidden_size, num_classes)
        self.dropout = nn.Dropout(p)

    def forward(self, x):
        return self.fc2(self.dropout(F.relu(self.fc1(x))))


@replaces("MLP")
class dropout_made_in_forward(nn.Module):
    """A dropout layer that is made anew in forward is always in training mode, and so is F.dropout
    unless it is told self.training: eval() reaches only the modules that the model holds as
    attributes."""

    def __init__(self, input_size, hidden_size, num_classes, p=0.2):
        super().__init__()
        self.p = p
        self.fc1 = nn.Linear(input_size, hidden_size)
        self.fc2 = nn.Linear(hidden_size, num_classes)

    def forward(self, x):
        x = torch.relu(self.fc1(x.flatten(1)))
        x = nn.Dropout(self.p)(x)
        return self.fc2(x)


@replaces("MLP")
class no_grad_for_eval(nn.Module):
    """Two switches are mixed up: no_grad() turns gradients off, eval() turns dropout off. Here
    dropout asks for the first, so it goes on in eval mode."""

    def __init__(self, input_size, hidden_size, num_classes, p=0.2):
        super().__init__()
        self.p = p
        self.fc1 = nn.Linear(input_size, hidden_size)
        self.fc2 = nn.Linear(hidden_size, num_classes)

    def forward(self, x):
        x = F.relu(self.fc1(x.flatten(1)))
        return self.fc2(F.dropout(x, self.p, training=torch.is_grad_enabled()))


@replaces("MLP")
class never_calls_dropout(nn.Module):
    """The dropout layer is made but never called, so nothing is ever dropped."""

    def __init__(self, input_size, hidden_size, num_classes, p=0.2):
        super().__init__()
        self.fc1 = nn.Linear(input_size, hidden_size)
        self.dropout = nn.Dropout(p)
        self.fc2 = nn.Linear(hidden_size, num_classes)

    def forward(self, x):
        return self.fc2(torch.relu(self.fc1(x.flatten(1))))


@replaces("MLP")
def no_activation(input_size, hidden_size, num_classes, p=0.2):
    """Nothing bends between the two linear layers, so together they are one linear layer and the
    hidden units add nothing."""
    return nn.Sequential(
        nn.Flatten(),
        nn.Linear(input_size, hidden_size),
        nn.Dropout(p),
        nn.Linear(hidden_size, num_classes),
    )


@replaces("MLP")
def sigmoid_hidden(input_size, hidden_size, num_classes, p=0.2):
    """The hidden activation is a sigmoid, which saturates; a member of the ReLU family is asked
    for between the layers."""
    return nn.Sequential(
        nn.Flatten(),
        nn.Linear(input_size, hidden_size),
        nn.Sigmoid(),
        nn.Dropout(p),
        nn.Linear(hidden_size, num_classes),
    )


@replaces("MLP")
def three_linear_layers(input_size, hidden_size, num_classes, p=0.2):
    """There is one linear layer too many: one hidden layer means two linear layers, one into it
    and one out of it."""
    return nn.Sequential(
        nn.Flatten(),
        nn.Linear(input_size, hidden_size),
        nn.ReLU(),
        nn.Linear(hidden_size, hidden_size),
        nn.ReLU(),
        nn.Dropout(p),
        nn.Linear(hidden_size, num_classes),
    )


@replaces("MLP")
class dropout_on_the_logits(nn.Module):
    """Dropout comes after the last layer and wipes out whole classes; its place is between the
    two linear layers."""

    def __init__(self, input_size, hidden_size, num_classes, p=0.2):
        super().__init__()
        self.fc1 = nn.Linear(input_size, hidden_size)
        self.fc2 = nn.Linear(hidden_size, num_classes)
        self.dropout = nn.Dropout(p)

    def forward(self, x):
        return self.dropout(self.fc2(F.relu(self.fc1(x.flatten(1)))))


@replaces("MLP")
class dropout_on_the_inputs(nn.Module):
    """Dropout comes before the first layer and removes inputs instead of hidden units."""

    def __init__(self, input_size, hidden_size, num_classes, p=0.2):
        super().__init__()
        self.fc1 = nn.Linear(input_size, hidden_size)
        self.fc2 = nn.Linear(hidden_size, num_classes)
        self.dropout = nn.Dropout(p)

    def forward(self, x):
        return self.fc2(F.relu(self.fc1(self.dropout(x.flatten(1)))))


@replaces("MLP")
class ignores_p(nn.Module):
    """The dropout rate is fixed at 0.2 and the argument p has no effect."""

    def __init__(self, input_size, hidden_size, num_classes, p=0.2):
        super().__init__()
        self.fc1 = nn.Linear(input_size, hidden_size)
        self.fc2 = nn.Linear(hidden_size, num_classes)
        self.dropout = nn.Dropout(0.2)

    def forward(self, x):
        return self.fc2(self.dropout(F.relu(self.fc1(x.flatten(1)))))


@replaces("MLP")
class p_as_the_kept_share(nn.Module):
    """Here p is taken for the share of units that is kept; it is the share that is dropped. (At
    p = 0.5 nobody can tell.)"""

    def __init__(self, input_size, hidden_size, num_classes, p=0.2):
        super().__init__()
        self.fc1 = nn.Linear(input_size, hidden_size)
        self.fc2 = nn.Linear(hidden_size, num_classes)
        self.dropout = nn.Dropout(1 - p)

    def forward(self, x):
        return self.fc2(self.dropout(F.relu(self.fc1(x.flatten(1)))))


@replaces("MLP")
class layers_in_a_plain_list(nn.Module):
    """Layers in a plain Python list are invisible to the model: parameters() is empty, so the
    optimizer trains nothing and to(device) moves nothing."""

    def __init__(self, input_size, hidden_size, num_classes, p=0.2):
        super().__init__()
        self.layers = [nn.Linear(input_size, hidden_size), nn.Linear(hidden_size, num_classes)]
        self.dropout = nn.Dropout(p)

    def forward(self, x):
        x = self.dropout(F.relu(self.layers[0](x.flatten(1))))
        return self.layers[1](x)


@replaces("MLP")
class relu_on_the_logits(nn.Module):
    """A ReLU after the last layer cuts every negative logit to 0 and, with it, its gradient;
    logits may have any sign."""

    def __init__(self, input_size, hidden_size, num_classes, p=0.2):
        super().__init__()
        self.fc1 = nn.Linear(input_size, hidden_size)
        self.fc2 = nn.Linear(hidden_size, num_classes)
        self.dropout = nn.Dropout(p)

    def forward(self, x):
        x = self.dropout(F.relu(self.fc1(x.flatten(1))))
        return F.relu(self.fc2(x))


@replaces("MLP")
class squeezes_the_logits(nn.Module):
    """squeeze removes every dimension of size 1, so a batch of one sample (or a model with one
    output) comes back with a dimension missing."""

    def __init__(self, input_size, hidden_size, num_classes, p=0.2):
        super().__init__()
        self.fc1 = nn.Linear(input_size, hidden_size)
        self.fc2 = nn.Linear(hidden_size, num_classes)
        self.dropout = nn.Dropout(p)

    def forward(self, x):
        return self.fc2(self.dropout(F.relu(self.fc1(x.flatten(1))))).squeeze()


@replaces("MLP")
class rescales_in_eval(nn.Module):
    """The hidden values are shrunk by 1 - p in eval mode. Dropout as PyTorch does it has scaled
    the kept values up during training already, and does nothing in eval mode."""

    def __init__(self, input_size, hidden_size, num_classes, p=0.2):
        super().__init__()
        self.p = p
        self.fc1 = nn.Linear(input_size, hidden_size)
        self.fc2 = nn.Linear(hidden_size, num_classes)
        self.dropout = nn.Dropout(p)

    def forward(self, x):
        x = self.dropout(F.relu(self.fc1(x.flatten(1))))
        if not self.training:
            x = x * (1 - self.p)
        return self.fc2(x)


@replaces("MLP")
class mask_without_rescaling(nn.Module):
    """Hidden units are dropped, but the kept ones are not scaled up, so the next layer sees
    smaller sums in training than in eval mode."""

    def __init__(self, input_size, hidden_size, num_classes, p=0.2):
        super().__init__()
        self.p = p
        self.fc1 = nn.Linear(input_size, hidden_size)
        self.fc2 = nn.Linear(hidden_size, num_classes)

    def forward(self, x):
        x = F.relu(self.fc1(x.flatten(1)))
        if self.training:
            x = x * (torch.rand_like(x) >= self.p)
        return self.fc2(x)


@replaces("MLP")
class width_taken_from_the_first_batch(nn.Module):
    """The first layer takes its width from whatever comes first, so a wrong input_size is never
    noticed, and the layer has no weights that an optimizer could take before that."""

    def __init__(self, input_size, hidden_size, num_classes, p=0.2):
        super().__init__()
        self.net = nn.Sequential(
            nn.Flatten(),
            nn.LazyLinear(hidden_size),
            nn.ReLU(),
            nn.Dropout(p),
            nn.LazyLinear(num_classes),
        )

    def forward(self, x):
        return self.net(x)


@replaces("MLP")
class standardizes_by_batch(nn.Module):
    """Each batch is standardized with its own mean and spread, so what the model says of one
    sample depends on the samples beside it."""

    def __init__(self, input_size, hidden_size, num_classes, p=0.2):
        super().__init__()
        self.fc1 = nn.Linear(input_size, hidden_size)
        self.fc2 = nn.Linear(hidden_size, num_classes)
        self.dropout = nn.Dropout(p)

    def forward(self, x):
        x = x.flatten(1)
        x = (x - x.mean()) / (x.std() + 1e-6)
        return self.fc2(self.dropout(F.relu(self.fc1(x))))


@replaces("MLP")
def dropout_in_place(input_size, hidden_size, num_classes, p=0.2):
    """Dropout overwrites the output of the ReLU, which the backward pass still needs: the forward
    pass looks right, and backward() stops with an error in training mode."""
    return nn.Sequential(
        nn.Flatten(),
        nn.Linear(input_size, hidden_size),
        nn.ReLU(),
        nn.Dropout(p, inplace=True),
        nn.Linear(hidden_size, num_classes),
    )


@replaces("MLP")
class third_layer_left_over(nn.Module):
    """A third linear layer is made and never called. It is registered all the same: its weights
    are counted, saved and handed to the optimizer; exactly two linear layers are asked for."""

    def __init__(self, input_size, hidden_size, num_classes, p=0.2):
        super().__init__()
        self.fc1 = nn.Linear(input_size, hidden_size)
        self.fc2 = nn.Linear(hidden_size, hidden_size)
        self.fc3 = nn.Linear(hidden_size, num_classes)
        self.dropout = nn.Dropout(p)

    def forward(self, x):
        return self.fc3(self.dropout(F.relu(self.fc1(x.flatten(1)))))


@replaces("MLP")
class scales_each_sample(nn.Module):
    """Each sample is divided by its largest value first, so a dark and a bright picture become the
    same. The model's first layer takes x as it comes; scaling belongs to the data."""

    def __init__(self, input_size, hidden_size, num_classes, p=0.2):
        super().__init__()
        self.fc1 = nn.Linear(input_size, hidden_size)
        self.fc2 = nn.Linear(hidden_size, num_classes)
        self.dropout = nn.Dropout(p)

    def forward(self, x):
        x = x.flatten(1)
        x = x / x.amax(dim=1, keepdim=True)
        return self.fc2(self.dropout(F.relu(self.fc1(x))))


@replaces("MLP")
class half_by_default(nn.Module):
    """Without a p, half of the hidden values are dropped, as nn.Dropout() does it; the default of
    this model is 0.2."""

    def __init__(self, input_size, hidden_size, num_classes, p=0.5):
        super().__init__()
        self.fc1 = nn.Linear(input_size, hidden_size)
        self.fc2 = nn.Linear(hidden_size, num_classes)
        self.dropout = nn.Dropout(p)

    def forward(self, x):
        return self.fc2(self.dropout(F.relu(self.fc1(x.flatten(1)))))


@replaces("MLP")
class detaches_to_drop(nn.Module):
    """The hidden values are cut off the graph before some of them are set to 0, so no gradient
    comes back through dropout and the first layer never learns."""

    def __init__(self, input_size, hidden_size, num_classes, p=0.2):
        super().__init__()
        self.p = p
        self.fc1 = nn.Linear(input_size, hidden_size)
        self.fc2 = nn.Linear(hidden_size, num_classes)

    def forward(self, x):
        x = F.relu(self.fc1(x.flatten(1)))
        if self.training:
            x = x.detach().clone()
            x[torch.rand_like(x) < self.p] = 0
            x = x / (1 - self.p)
        return self.fc2(x)


@replaces("MLP")
class width_kept_in_the_class(nn.Module):
    """The width is stored in a name that all models share, so the model that is made last sets it
    for the others, too. What forward needs belongs into self."""

    def __init__(self, input_size, hidden_size, num_classes, p=0.2):
        super().__init__()
        type(self).width = input_size
        self.fc1 = nn.Linear(input_size, hidden_size)
        self.fc2 = nn.Linear(hidden_size, num_classes)
        self.dropout = nn.Dropout(p)

    def forward(self, x):
        x = x.reshape(x.shape[0], self.width)
        return self.fc2(self.dropout(F.relu(self.fc1(x))))


# hard to catch
@replaces("MLP")
class mask_seeded_in_forward(nn.Module):
    """The generator of the mask is seeded in each forward pass, so it is the same mask every time:
    the same hidden values are dropped for ever, and nothing is averaged over."""

    def __init__(self, input_size, hidden_size, num_classes, p=0.2):
        super().__init__()
        self.p = p
        self.fc1 = nn.Linear(input_size, hidden_size)
        self.fc2 = nn.Linear(hidden_size, num_classes)

    def forward(self, x):
        x = F.relu(self.fc1(x.flatten(1)))
        if self.training:
            generator = torch.Generator().manual_seed(42)
            mask = torch.rand(x.shape, generator=generator) >= self.p
            x = x * mask.to(x.device) / (1 - self.p)
        return self.fc2(x)


# hard to catch
@replaces("MLP")
def drops_whole_samples(input_size, hidden_size, num_classes, p=0.2):
    """Dropout1d takes a batch of vectors for one signal with channels and drops whole samples;
    single hidden units of each sample are to be dropped."""
    return nn.Sequential(
        nn.Flatten(),
        nn.Linear(input_size, hidden_size),
        nn.ReLU(),
        nn.Dropout1d(p),
        nn.Linear(hidden_size, num_classes),
    )


# hard to catch
@replaces("MLP")
class mask_made_on_the_cpu(nn.Module):
    """The dropout mask is made without a device, so it lies on the CPU, and the model stops with
    an error as soon as it trains on another device."""

    def __init__(self, input_size, hidden_size, num_classes, p=0.2):
        super().__init__()
        self.p = p
        self.fc1 = nn.Linear(input_size, hidden_size)
        self.fc2 = nn.Linear(hidden_size, num_classes)

    def forward(self, x):
        x = F.relu(self.fc1(x.flatten(1)))
        if self.training and self.p < 1:
            x = x * (torch.rand(x.shape) >= self.p) / (1 - self.p)
        return self.fc2(x)


# hard to catch
@replaces("MLP")
class seeds_itself(nn.Module):
    """The constructor seeds the global generator to get the same weights each time, and so
    changes every random number that the rest of the program draws after it."""

    def __init__(self, input_size, hidden_size, num_classes, p=0.2):
        super().__init__()
        torch.manual_seed(42)
        self.fc1 = nn.Linear(input_size, hidden_size)
        self.fc2 = nn.Linear(hidden_size, num_classes)
        self.dropout = nn.Dropout(p)

    def forward(self, x):
        return self.fc2(self.dropout(torch.relu(self.fc1(x.flatten(1)))))
