"""Probes of MLP: they fill a model's two layers with numbers and see what it makes of them."""

import torch
from torch import nn

from autograder.fake_device import attempt


def random_state_kept(x):
    """A context that puts back the global random state of the CPU, and that of the card that x is on."""
    return torch.random.fork_rng(devices=[x.device] if x.is_cuda else [])


def random_states(x):
    """The global random state of the CPU, and that of the card that x is on."""
    return [torch.get_rng_state()] + ([torch.cuda.get_rng_state(x.device)] if x.is_cuda else [])


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
    with random_state_kept(xs[0]):
        torch.manual_seed(seed)
        model = nb.MLP(*sizes, p).to(xs[0].device)
        fill(model, numbers)
        model.train(training)
        with torch.set_grad_enabled(grad):
            return [model(x).detach() for x in xs]


def hidden_values(nb, sizes, biases):
    """MLP{sizes} in eval mode: what its activation makes of given numbers"""
    size, hidden, classes = sizes
    show = torch.eye(hidden, classes).t()
    found = []
    with random_state_kept(biases[0]):
        for bias in biases:
            numbers = [torch.zeros(hidden, size), bias, show, torch.zeros(classes)]
            model = nb.MLP(*sizes, 0.5).to(bias.device)
            fill(model, numbers)
            model.eval()
            with torch.no_grad():
                found.append(model(torch.ones(2, size, device=bias.device))[0, :hidden])
    return found


def dropped(nb, sizes, bias, last, n, p, seed):
    """MLP{sizes} with p={p} in training mode: the hidden values of {n} samples, twice"""
    size, hidden, classes = sizes
    with random_state_kept(bias):
        torch.manual_seed(seed)
        model = (nb.MLP(*sizes) if p is None else nb.MLP(*sizes, p=p)).to(bias.device)
        first = torch.ones(hidden, size) / size
        fill(model, [first, bias - 1, torch.eye(hidden, classes).t(), last])
        model.train()
        return [model(torch.ones(n, size, device=bias.device)).detach() for _ in range(2)]


def gradients(nb, sizes, x, y, seed):
    """the gradients of a fresh MLP{sizes} in training mode"""
    with random_state_kept(x):
        torch.manual_seed(seed)
        model = nb.MLP(*sizes).to(x.device).train()
        nn.functional.cross_entropy(model(x), y).backward()
    return [
        [sorted(size for size in p.shape if size != 1), p.grad is not None and bool(p.grad.abs().max() > 0)]
        for p in own_parameters(model).values()
    ]


def layouts(nb, sizes, x, seed):
    """MLP{sizes} on the same samples, laid out in other shapes and in other memory"""
    n, width = x.shape
    other = torch.zeros(n, 2 * width, device=x.device)
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
    with random_state_kept(x):
        torch.manual_seed(seed)
        model = nb.MLP(*sizes, 0.5).to(x.device).eval()
    with torch.no_grad():
        return {"flat": model(x)} | {name: model(value) for name, value in laid.items()}


def single(nb, sizes, x, seed):
    """MLP{sizes} on a batch of one sample, the first of some"""
    with random_state_kept(x):
        torch.manual_seed(seed)
        model = nb.MLP(*sizes).to(x.device)
        training = model.train()(x[:1]).detach()
    with torch.no_grad():
        model.eval()
        alone, image = model(x[:1]), model(x[:1].reshape(1, 1, 2, -1))
        return {"training": training, "alone": alone, "image": image, "together": model(x)}


def wrong_width(nb, sizes, x, training):
    """MLP{sizes} on samples of another width"""
    with random_state_kept(x):
        model = nb.MLP(*sizes).to(x.device).train(training)
        try:
            model(x)
        except Exception:
            return "raised"
    return "accepted"


def twins(nb, sizes, x, seed):
    """instances of MLP{sizes}: one is changed, one has another width, one is a copy by load_state_dict"""
    with random_state_kept(x):
        torch.manual_seed(seed)
        first, second, third = (nb.MLP(*sizes).to(x.device).eval() for _ in range(3))
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
    with random_state_kept(x):
        for seed in seeds:
            torch.manual_seed(seed)
            model = nb.MLP(*sizes).to(x.device)
            model.train()(x)
            drawn.append(torch.rand(4))
        model.eval()
        before = random_states(x)
        with torch.no_grad():
            model(x)
        quiet = all(map(torch.equal, before, random_states(x)))
    return {"drawn": drawn, "quiet": quiet}


def input_kept(nb, sizes, x, training):
    """MLP{sizes} called in training={training}"""
    with random_state_kept(x):
        return list(nb.MLP(*sizes, 0.5).to(x.device).train(training)(x).shape)


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

    found = attempt(program, device)
    return found | {"home": attempt_at_home(program) if found["error"] else None}


def attempt_at_home(program):
    """The name of the error that the program gives on the CPU, None without one."""
    try:
        program("cpu")
    except Exception as error:
        return type(error).__name__
    return None
