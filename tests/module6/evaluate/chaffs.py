"""Wrong ways to evaluate a model, each from a mistake that students make."""

import copy

import torch
from torch import nn

from autograder.samples import replaces


@replaces("evaluate")
def stays_in_training_mode(model, loader, criterion, device):
    """The model stays in training mode: dropout goes on dropping, and batch norm uses and even
    learns from the validation data. no_grad does not change the mode."""
    total, correct, n = 0.0, 0, 0
    with torch.no_grad():
        for x, y in loader:
            x, y = x.to(device), y.to(device)
            out = model(x)
            total += criterion(out, y).item() * len(x)
            correct += (out.argmax(dim=1) == y).sum().item()
            n += len(x)
    return total / n, correct / n


@replaces("evaluate")
def builds_a_graph(model, loader, criterion, device):
    """eval() does not switch off autograd: a graph is built for every batch, which costs memory
    and time for gradients that nobody wants."""
    model.eval()
    total, correct, n = 0.0, 0, 0
    for x, y in loader:
        x, y = x.to(device), y.to(device)
        out = model(x)
        total += criterion(out, y).item() * len(x)
        correct += (out.argmax(dim=1) == y).sum().item()
        n += len(x)
    return total / n, correct / n


@replaces("evaluate")
def returns_the_graph(model, loader, criterion, device):
    """The loss comes back as a tensor that still holds the graph of every batch."""
    model.eval()
    total, correct, n = 0, 0, 0
    for x, y in loader:
        x, y = x.to(device), y.to(device)
        out = model(x)
        total = total + criterion(out, y) * len(x)
        correct += (out.argmax(dim=1) == y).sum().item()
        n += len(x)
    return total / n, correct / n


@replaces("evaluate")
def leaves_grad_off(model, loader, criterion, device):
    """Gradients are switched off and never on again, so the next training epoch stops with an
    error at backward()."""
    model.eval()
    torch.set_grad_enabled(False)
    total, correct, n = 0.0, 0, 0
    for x, y in loader:
        x, y = x.to(device), y.to(device)
        out = model(x)
        total += criterion(out, y).item() * len(x)
        correct += (out.argmax(dim=1) == y).sum().item()
        n += len(x)
    return total / n, correct / n


@replaces("evaluate")
def accuracy_in_percent(model, loader, criterion, device):
    """The accuracy comes back in percent; a share from 0 to 1 is asked for."""
    model.eval()
    total, correct, n = 0.0, 0, 0
    with torch.no_grad():
        for x, y in loader:
            x, y = x.to(device), y.to(device)
            out = model(x)
            total += criterion(out, y).item() * len(x)
            correct += (out.argmax(dim=1) == y).sum().item()
            n += len(x)
    return total / n, 100.0 * correct / n


@replaces("evaluate")
def mean_of_batch_accuracies(model, loader, criterion, device):
    """The accuracies of the batches are averaged with equal weight, so the samples of a smaller
    last batch count for more than the others."""
    model.eval()
    total, n, accuracies = 0.0, 0, []
    with torch.no_grad():
        for x, y in loader:
            x, y = x.to(device), y.to(device)
            out = model(x)
            total += criterion(out, y).item() * len(x)
            accuracies.append((out.argmax(dim=1) == y).float().mean().item())
            n += len(x)
    return total / n, sum(accuracies) / len(accuracies)


@replaces("evaluate")
def mean_of_batch_losses(model, loader, criterion, device):
    """The batch losses are averaged with equal weight, although the last batch may be smaller;
    the mean over samples weighs each batch by its size."""
    model.eval()
    total, batches, correct, n = 0.0, 0, 0, 0
    with torch.no_grad():
        for x, y in loader:
            x, y = x.to(device), y.to(device)
            out = model(x)
            total += criterion(out, y).item()
            batches += 1
            correct += (out.argmax(dim=1) == y).sum().item()
            n += len(x)
    return total / batches, correct / n


@replaces("evaluate")
def sum_of_means_over_samples(model, loader, criterion, device):
    """Means over batches are added up and then divided by the number of samples: the criterion
    has averaged once already, so the loss comes out too small by about the batch size."""
    model.eval()
    total, correct, n = 0.0, 0, 0
    with torch.no_grad():
        for x, y in loader:
            x, y = x.to(device), y.to(device)
            out = model(x)
            total += criterion(out, y).item()
            correct += (out.argmax(dim=1) == y).sum().item()
            n += len(x)
    return total / n, correct / n


@replaces("evaluate")
def correct_per_batch(model, loader, criterion, device):
    """The number of right answers is divided by the number of batches and not of samples."""
    model.eval()
    total, correct, n, batches = 0.0, 0, 0, 0
    with torch.no_grad():
        for x, y in loader:
            x, y = x.to(device), y.to(device)
            out = model(x)
            total += criterion(out, y).item() * len(x)
            correct += (out.argmax(dim=1) == y).sum().item()
            n += len(x)
            batches += 1
    return total / n, correct / batches


@replaces("evaluate")
def argmax_over_samples(model, loader, criterion, device):
    """The argmax runs over dimension 0, which holds the samples; the largest logit of each sample
    is found along the classes."""
    model.eval()
    total, correct, n = 0.0, 0, 0
    with torch.no_grad():
        for x, y in loader:
            x, y = x.to(device), y.to(device)
            out = model(x)
            total += criterion(out, y).item() * len(x)
            guesses = out.argmax(dim=0)
            correct += sum(int(a == b) for a, b in zip(guesses, y, strict=False))
            n += len(x)
    return total / n, correct / n


@replaces("evaluate")
def softmax_before_the_loss(model, loader, criterion, device):
    """The criterion is given probabilities where it expects logits. The accuracy does not notice,
    the loss does."""
    model.eval()
    total, correct, n = 0.0, 0, 0
    with torch.no_grad():
        for x, y in loader:
            x, y = x.to(device), y.to(device)
            out = torch.softmax(model(x), dim=1)
            total += criterion(out, y).item() * len(x)
            correct += (out.argmax(dim=1) == y).sum().item()
            n += len(x)
    return total / n, correct / n


@replaces("evaluate")
def divides_by_dataset_length(model, loader, criterion, device):
    """The sums are divided by len(loader.dataset). A generator has no dataset, and a loader need
    not visit all of it: count the samples that you saw."""
    model.eval()
    total, correct = 0.0, 0
    with torch.no_grad():
        for x, y in loader:
            x, y = x.to(device), y.to(device)
            out = model(x)
            total += criterion(out, y).item() * len(x)
            correct += (out.argmax(dim=1) == y).sum().item()
    return total / len(loader.dataset), correct / len(loader.dataset)


@replaces("evaluate")
def one_batch_is_enough(model, loader, criterion, device):
    """The function returns from inside the loop, so only the first batch is ever looked at."""
    model.eval()
    total, correct, n = 0.0, 0, 0
    with torch.no_grad():
        for x, y in loader:
            x, y = x.to(device), y.to(device)
            out = model(x)
            total += criterion(out, y).item() * len(x)
            correct += (out.argmax(dim=1) == y).sum().item()
            n += len(x)
            return total / n, correct / n


@replaces("evaluate")
def two_passes(model, loader, criterion, device):
    """One pass for the loss and a second one for the accuracy: a generator can be walked through
    only once, and the second pass finds it empty."""
    model.eval()
    total, n = 0.0, 0
    correct = 0
    with torch.no_grad():
        for x, y in loader:
            total += criterion(model(x.to(device)), y.to(device)).item() * len(x)
            n += len(x)
        for x, y in loader:
            correct += (model(x.to(device)).argmax(dim=1) == y.to(device)).sum().item()
    return total / n, correct / n


@replaces("evaluate")
def forgets_the_device(model, loader, criterion, device):
    """The batch is never moved to the device of the model; on a CPU nobody notices."""
    model.eval()
    total, correct, n = 0.0, 0, 0
    with torch.no_grad():
        for x, y in loader:
            out = model(x)
            total += criterion(out, y).item() * len(x)
            correct += (out.argmax(dim=1) == y).sum().item()
            n += len(x)
    return total / n, correct / n


@replaces("evaluate")
def swaps_the_results(model, loader, criterion, device):
    """Accuracy comes first and loss second; it is to be the other way round."""
    model.eval()
    total, correct, n = 0.0, 0, 0
    with torch.no_grad():
        for x, y in loader:
            x, y = x.to(device), y.to(device)
            out = model(x)
            total += criterion(out, y).item() * len(x)
            correct += (out.argmax(dim=1) == y).sum().item()
            n += len(x)
    return correct / n, total / n


@replaces("evaluate")
def always_cross_entropy(model, loader, criterion, device):
    """The loss is cross-entropy whatever criterion was given; the caller decides what is measured."""
    model.eval()
    total, correct, n = 0.0, 0, 0
    with torch.no_grad():
        for x, y in loader:
            x, y = x.to(device), y.to(device)
            out = model(x)
            total += nn.functional.cross_entropy(out, y).item() * len(x)
            correct += (out.argmax(dim=1) == y).sum().item()
            n += len(x)
    return total / n, correct / n


@replaces("evaluate")
def flattens_the_inputs(model, loader, criterion, device):
    """Every sample is flattened into a row before the model sees it. That is the model's own affair: one
    that begins with a convolution wants the image."""
    model.eval()
    total, correct, n = 0.0, 0, 0
    with torch.no_grad():
        for x, y in loader:
            x, y = x.to(device).flatten(1), y.to(device)
            out = model(x)
            total += criterion(out, y).item() * len(x)
            correct += (out.argmax(dim=1) == y).sum().item()
            n += len(x)
    return total / n, correct / n


@replaces("evaluate")
def copies_a_training_model(model, loader, criterion, device):
    """A copy is measured so that the model stays as it is. But the copy of a model in training mode is in
    training mode too, and drops units and uses batch statistics like the original."""
    model = copy.deepcopy(model)
    total, correct, n = 0.0, 0, 0
    with torch.no_grad():
        for x, y in loader:
            x, y = x.to(device), y.to(device)
            out = model(x)
            total += criterion(out, y).item() * len(x)
            correct += (out.argmax(dim=1) == y).sum().item()
            n += len(x)
    return total / n, correct / n


@replaces("evaluate")
def sign_of_the_last_logit(model, loader, criterion, device):
    """The predictions are whether the last logit is positive, a habit from binary problems; with
    several classes the largest logit decides."""
    model.eval()
    total, correct, n = 0.0, 0, 0
    with torch.no_grad():
        for x, y in loader:
            x, y = x.to(device), y.to(device)
            out = model(x)
            total += criterion(out, y).item() * len(x)
            correct += ((out[:, -1] > 0).long() == y).sum().item()
            n += len(x)
    return total / n, correct / n


@replaces("evaluate")
def squeezes_the_logits(model, loader, criterion, device):
    """squeeze takes away the batch dimension when the last batch holds one sample, and argmax
    then has no second dimension to work on."""
    model.eval()
    total, correct, n = 0.0, 0, 0
    with torch.no_grad():
        for x, y in loader:
            x, y = x.to(device), y.to(device)
            out = model(x).squeeze()
            total += criterion(out, y).item() * len(x)
            correct += (out.argmax(dim=1) == y).sum().item()
            n += len(x)
    return total / n, correct / n


@replaces("evaluate")
def freezes_the_weights(model, loader, criterion, device):
    """requires_grad is switched off on every parameter to save memory and stays off, so the model
    cannot be trained any further."""
    model.eval()
    for p in model.parameters():
        p.requires_grad = False
    total, correct, n = 0.0, 0, 0
    with torch.no_grad():
        for x, y in loader:
            x, y = x.to(device), y.to(device)
            out = model(x)
            total += criterion(out, y).item() * len(x)
            correct += (out.argmax(dim=1) == y).sum().item()
            n += len(x)
    return total / n, correct / n


@replaces("evaluate")
def shuffles_the_batches(model, loader, criterion, device):
    """Each batch is shuffled before it is scored. That changes no mean, but it draws from the
    global generator, and the training that follows is no longer the same."""
    model.eval()
    total, correct, n = 0.0, 0, 0
    with torch.no_grad():
        for x, y in loader:
            order = torch.randperm(len(x))
            x, y = x[order].to(device), y[order].to(device)
            out = model(x)
            total += criterion(out, y).item() * len(x)
            correct += (out.argmax(dim=1) == y).sum().item()
            n += len(x)
    return total / n, correct / n


# hard to catch
@replaces("evaluate")
def switches_grad_on_afterwards(model, loader, criterion, device):
    """Gradients are switched on at the end whatever they were before. A caller who had them off
    (inside no_grad, say) finds them on."""
    model.eval()
    torch.set_grad_enabled(False)
    total, correct, n = 0.0, 0, 0
    for x, y in loader:
        x, y = x.to(device), y.to(device)
        out = model(x)
        total += criterion(out, y).item() * len(x)
        correct += (out.argmax(dim=1) == y).sum().item()
        n += len(x)
    torch.set_grad_enabled(True)
    return total / n, correct / n


# hard to catch
@replaces("evaluate")
def dropout_off_only(model, loader, criterion, device):
    """Only the dropout layers are put into eval mode. Batch norm needs it just as much: it still
    uses the statistics of the batch, and adds the validation data to its own."""
    for module in model.modules():
        if isinstance(module, nn.modules.dropout._DropoutNd):
            module.eval()
    total, correct, n = 0.0, 0, 0
    with torch.no_grad():
        for x, y in loader:
            x, y = x.to(device), y.to(device)
            out = model(x)
            total += criterion(out, y).item() * len(x)
            correct += (out.argmax(dim=1) == y).sum().item()
            n += len(x)
    return total / n, correct / n


# hard to catch
@replaces("evaluate")
def warms_up_batch_norm(model, loader, criterion, device):
    """Each batch is first sent through the model in training mode, to bring batch norm up to
    date. That changes its buffers (no_grad does not protect them), and draws dropout masks."""
    total, correct, n = 0.0, 0, 0
    with torch.no_grad():
        for x, y in loader:
            x, y = x.to(device), y.to(device)
            if len(x) > 1:
                model.train()
                model(x)
            model.eval()
            out = model(x)
            total += criterion(out, y).item() * len(x)
            correct += (out.argmax(dim=1) == y).sum().item()
            n += len(x)
    return total / n, correct / n
