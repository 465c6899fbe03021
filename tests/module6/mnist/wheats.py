"""Right ways to split indices and to train a digit classifier, none of them the usual one."""

import math
import random
import sys

import numpy as np
import torch
from torch import nn
from torch.nn import functional
from torch.utils.data import DataLoader

from autograder.samples import replaces


@replaces("train_val_split")
def numpy_generator(n, val_fraction, seed):
    """A NumPy generator of its own; two arrays come back."""
    order = np.random.default_rng(seed).permutation(n)
    return tuple(np.split(order, [n - round(n * val_fraction)]))


@replaces("train_val_split")
def random_keys_sorted(n, val_fraction, seed):
    """Every index draws a key; the lowest keys go to validation. Two tensors come back."""
    keys = torch.rand(n, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    order = keys.argsort()
    n_val = math.ceil(n * val_fraction)
    return order[n_val:], order[:n_val]


@replaces("train_val_split")
def sample_then_the_rest(n, val_fraction, seed):
    """random.Random draws the validation part, then shuffles what is left; tuples and a print."""
    rng = random.Random(seed)
    val = rng.sample(range(n), int(val_fraction * n))
    chosen = set(val)
    train = [i for i in range(n) if i not in chosen]
    rng.shuffle(train)
    print(f"{len(train)} for training, {len(val)} for validation", file=sys.stderr)
    return tuple(train), tuple(val)


@replaces("train_val_split")
def fisher_yates_by_hand(n, val_fraction, seed):
    """The shuffle is written out; indices are popped off into the validation list."""
    g = torch.Generator()
    g.manual_seed(seed)
    pool = list(range(n))
    for last in range(n - 1, 0, -1):
        other = int(torch.randint(last + 1, (1,), generator=g))
        pool[last], pool[other] = pool[other], pool[last]
    val = []
    while len(val) + 1 <= n * val_fraction:
        val.append(pool.pop())
    return pool, val


@replaces("fit_mnist")
def loader_with_its_own_generator(dataset, epochs=5, seed=0, device="cpu"):
    """The usual loop, but the loader shuffles with a generator of its own."""
    order = torch.Generator().manual_seed(seed)
    loader = DataLoader(dataset, batch_size=32, shuffle=True, generator=order)
    model = nn.Sequential(
        nn.Flatten(),
        nn.Linear(784, 96),
        nn.ReLU(),
        nn.Dropout(0.2),
        nn.Linear(96, 10),
    ).to(device)
    optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
    for epoch in range(epochs):
        model.train()
        total = 0.0
        for images, labels in loader:
            optimizer.zero_grad(set_to_none=True)
            loss = nn.CrossEntropyLoss()(model(images.to(device)), labels.to(device))
            loss.backward()
            optimizer.step()
            total += loss.item() * len(images)
        print("epoch", epoch, "loss", total / len(dataset))
    return model.eval()


class _SmallConvNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(1, 8, kernel_size=5, stride=2, padding=2)
        self.conv2 = nn.Conv2d(8, 16, kernel_size=3, stride=2, padding=1)
        self.head = nn.Linear(16 * 7 * 7, 10)

    def forward(self, x):
        x = functional.relu(self.conv1(x))
        x = functional.relu(self.conv2(x))
        return functional.log_softmax(self.head(x.flatten(1)), dim=1)


@replaces("fit_mnist")
def convolutions_and_log_softmax(dataset, epochs=5, seed=0, device="cpu"):
    """A small convolutional net that gives log-probabilities; batches are cut by hand."""
    rng = np.random.default_rng(seed)
    model = _SmallConvNet().to(device)
    optimizer = torch.optim.AdamW(model.parameters(), lr=4e-3)
    for _ in range(epochs):
        for batch in np.array_split(rng.permutation(len(dataset)), -(-len(dataset) // 32)):
            pairs = [dataset[int(i)] for i in batch]
            x = torch.stack([image for image, _ in pairs]).to(device)
            y = torch.tensor([int(label) for _, label in pairs], device=device)
            loss = functional.nll_loss(model(x), y)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
    model.eval()
    return model


class _Standardised(nn.Module):
    """Puts the images on one scale inside the model, with numbers kept in buffers."""

    def __init__(self, mean, std):
        super().__init__()
        self.register_buffer("mean", mean)
        self.register_buffer("std", std)

    def forward(self, x):
        return ((x - self.mean) / self.std).flatten(start_dim=1)


@replaces("fit_mnist")
def whole_set_as_one_tensor(dataset, epochs=5, seed=0, device="cpu"):
    """All images in one tensor, weights drawn by a private generator, SGD with momentum."""
    g = torch.Generator().manual_seed(seed)
    samples = [dataset[i] for i in range(len(dataset))]
    images = torch.stack([image for image, _ in samples]).float().to(device)
    labels = torch.tensor([int(label) for _, label in samples]).to(device)
    net = nn.Sequential(
        _Standardised(images.mean(), images.std() + 1e-6),
        nn.Linear(784, 64),
        nn.GELU(),
        nn.Linear(64, 10),
    ).to(device)
    with torch.no_grad():
        for p in net.parameters():
            bound = 1 / math.sqrt(p.shape[-1])
            p.copy_((torch.rand(p.shape, generator=g) * 2 - 1) * bound * (p.ndim > 1))
    optimizer = torch.optim.SGD(net.parameters(), lr=0.02, momentum=0.9, nesterov=True)
    for _ in range(epochs):
        for rows in torch.randperm(len(labels), generator=g).split(20):
            rows = rows.to(device)
            optimizer.zero_grad()
            functional.cross_entropy(net(images[rows]), labels[rows]).backward()
            optimizer.step()
    return net.train(False)


@replaces("fit_mnist")
def batch_norm_and_one_cycle(dataset, epochs=5, seed=0, device="cpu"):
    """Batch norm with a one-cycle schedule; a last batch of a single image is left out."""
    order = random.Random(seed)
    model = nn.Sequential(
        nn.Flatten(),
        nn.Linear(28 * 28, 80, bias=False),
        nn.BatchNorm1d(80),
        nn.LeakyReLU(),
        nn.Linear(80, 10),
    ).to(device)
    indices = list(range(len(dataset)))
    starts = range(0, len(indices), 40)
    optimizer = torch.optim.Adam(model.parameters())
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, max_lr=0.01, total_steps=max(epochs, 1) * len(starts) + 1
    )
    for _ in range(epochs):
        order.shuffle(indices)
        for start in starts:
            images, labels = zip(*(dataset[i] for i in indices[start : start + 40]), strict=True)
            if len(labels) == 1:
                continue
            logits = model(torch.stack(images).to(device))
            loss = functional.cross_entropy(logits, torch.as_tensor(labels, device=device))
            model.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
    return model.eval()
