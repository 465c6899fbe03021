"""Probes of MLP: they fill a model's two layers with numbers and see what it makes of them."""

import torch
from torch import nn

from autograder.fake_device import attempt


def own_parameters(model):
    """The parameters by name, without those of a PReLU, which belong to the activation."""
    of_activation = {id(p) for m in model.modules() if isinstance(m, nn.PReLU) for p in m.parameters()}
    return {name: p for name, p in model.named_parameters() if id(p) not in of_activation}


def fill(model, numbers):
    """Put numbers into a model's parameters, by shape."""
    by_shape = {tuple(value.shape): value for value in numbers}
    with torch.no_grad():
        for parameter in own_parameters(model).values():
            shape = tuple(size for size in parameter.shape if size != 1)
            if shape in by_shape:
                parameter.copy_(by_shape[shape].reshape(parameter.shape))
            elif shape[::-1] in by_shape:
                parameter.copy_(by_shape[shape[::-1]].t().reshape(parameter.shape))


def parameters(nb, sizes):
    """the parameters of MLP{sizes}"""
    model = nb.MLP(*sizes)
    shapes = [[size for size in p.shape if size != 1] for p in own_parameters(model).values()]
    return {"module": isinstance(model, nn.Module), "shapes": shapes}


def outputs(nb, sizes, numbers, xs, p=0.0, training=False, grad=False, seed=0):
    """MLP{sizes} with given weights, p={p}, training={training}, under no_grad unless grad={grad}"""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = nb.MLP(*sizes, p)
        fill(model, numbers)
        model.train(training)
        with torch.set_grad_enabled(grad):
            return [model(x).detach() for x in xs]


def hidden_values(nb, sizes, biases):
    """MLP{sizes} in eval mode: what its activation makes of given numbers"""
    size, hidden, classes = sizes
    show = torch.eye(hidden, classes).t()
    found = []
    with torch.random.fork_rng(devices=[]):
        for bias in biases:
            numbers = [torch.zeros(hidden, size), bias, show, torch.zeros(classes)]
            model = nb.MLP(*sizes, 0.5)
            fill(model, numbers)
            model.eval()
            with torch.no_grad():
                found.append(model(torch.ones(2, size))[0, :hidden])
    return found


def dropped(nb, sizes, bias, last, n, p, seed):
    """MLP{sizes} with p={p} in training mode: the hidden values of {n} samples, twice"""
    size, hidden, classes = sizes
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = nb.MLP(*sizes) if p is None else nb.MLP(*sizes, p=p)
        first = torch.ones(hidden, size) / size
        fill(model, [first, bias - 1, torch.eye(hidden, classes).t(), last])
        model.train()
        return [model(torch.ones(n, size)).detach() for _ in range(2)]


def gradients(nb, sizes, x, y, seed):
    """the gradients of a fresh MLP{sizes} in training mode"""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = nb.MLP(*sizes).train()
        nn.functional.cross_entropy(model(x), y).backward()
    return [
        [sorted(size for size in p.shape if size != 1), p.grad is not None and bool(p.grad.abs().max() > 0)]
        for p in own_parameters(model).values()
    ]


def layouts(nb, sizes, x, seed):
    """MLP{sizes} on the same samples, laid out in other shapes and in other memory"""
    n, width = x.shape
    other = torch.zeros(n, 2 * width)
    other[:, ::2] = x
    laid = {
        "image": x.reshape(n, 1, 2, width // 2),
        "rows": x.reshape(n, 2, width // 2),
        "deep": x.reshape(n, 1, 2, 1, width // 2),
        "transposed": x.t().contiguous().t(),
        "image transposed": x.reshape(n, 2, width // 2).transpose(1, 2).contiguous().transpose(1, 2),
        "sliced": other[:, ::2],
        "expanded": x[:1].expand(n, width),
        "fewer": x[:2],
    }
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = nb.MLP(*sizes, 0.5).eval()
    with torch.no_grad():
        return {"flat": model(x)} | {name: model(value) for name, value in laid.items()}


def single(nb, sizes, x, seed):
    """MLP{sizes} on a batch of one sample, the first of some"""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = nb.MLP(*sizes)
        training = model.train()(x[:1]).detach()
    with torch.no_grad():
        model.eval()
        alone, image = model(x[:1]), model(x[:1].reshape(1, 1, 2, -1))
        return {"training": training, "alone": alone, "image": image, "together": model(x)}


def wrong_width(nb, sizes, x, training):
    """MLP{sizes} on samples of another width"""
    with torch.random.fork_rng(devices=[]):
        model = nb.MLP(*sizes).train(training)
        try:
            model(x)
        except Exception:
            return "raised"
    return "accepted"


def twins(nb, sizes, x, seed):
    """instances of MLP{sizes}: one is changed, one has another width, one is a copy by load_state_dict"""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        first, second = nb.MLP(*sizes).eval(), nb.MLP(*sizes).eval()
        third = nb.MLP(*sizes).eval()
        nb.MLP(sizes[0] + 2, *sizes[1:], 0.5)
    with torch.no_grad():
        before = second(x)
        for p in first.parameters():
            p.add_(1.0)
        after = second(x)
        third.load_state_dict(second.state_dict())
        return {"before": before, "after": after, "loaded": third(x)}


def after_seeds(nb, sizes, x, seeds):
    """MLP{sizes} made and trained with after different seeds; eval draws nothing"""
    drawn = []
    with torch.random.fork_rng(devices=[]):
        for seed in seeds:
            torch.manual_seed(seed)
            model = nb.MLP(*sizes)
            model.train()(x)
            drawn.append(torch.rand(4))
        model.eval()
        before = torch.get_rng_state()
        with torch.no_grad():
            model(x)
        quiet = torch.equal(before, torch.get_rng_state())
    return {"drawn": drawn, "quiet": quiet}


def input_kept(nb, sizes, x, training):
    """MLP{sizes} called in training={training}"""
    with torch.random.fork_rng(devices=[]):
        return list(nb.MLP(*sizes, 0.5).train(training)(x).shape)


def on_device(nb, sizes, x, device):
    """MLP{sizes} moved to another device, a forward and a backward pass there"""

    def program(device):
        with torch.random.fork_rng(devices=[]):
            model = nb.MLP(*sizes, 0.5).to(device)
            there = True
            for mode in (True, False):
                out = model.train(mode)(x.to(device))
                out.sum().backward()
                there = there and out.device.type == torch.device(device).type
        return {"there": there and all(p.device == out.device for p in model.parameters())}

    if device != "cpu":
        return {"value": program(device), "error": None, "limit": False}
    found = attempt(program)
    return found | {"home": attempt_at_home(program) if found["error"] else None}


def attempt_at_home(program):
    """The name of the error that the program gives on the CPU, None without one."""
    try:
        program("cpu")
    except Exception as error:
        return type(error).__name__
    return None
