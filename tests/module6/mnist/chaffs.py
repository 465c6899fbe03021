"""Wrong ways to split indices and to train a digit classifier, each from a students' mistake."""

import torch
from torch import nn
from torch.utils.data import DataLoader

from autograder.samples import replaces


@replaces("train_val_split")
def takes_the_end(n, val_fraction, seed):
    """The last indices become the validation set and nothing is shuffled. In data that is sorted by
    class the validation set then holds classes that were never trained on."""
    n_val = int(n * val_fraction)
    return list(range(n - n_val)), list(range(n - n_val, n))


@replaces("train_val_split")
def seeds_the_global_generator(n, val_fraction, seed):
    """The split is repeatable because the global generator is seeded, and with it everything else
    in the program that is random. A generator of its own disturbs nobody."""
    torch.manual_seed(seed)
    order = torch.randperm(n).tolist()
    n_val = int(n * val_fraction)
    return order[n_val:], order[:n_val]


@replaces("train_val_split")
def seed_left_unused(n, val_fraction, seed):
    """The seed is never used: the order comes from the global generator, and the next call with the
    same seed gives another split."""
    order = torch.randperm(n).tolist()
    n_val = int(n * val_fraction)
    return order[n_val:], order[:n_val]


@replaces("train_val_split")
def draws_with_replacement(n, val_fraction, seed):
    """The validation indices are drawn one by one from all n, so some come twice. A partition uses
    each index exactly once."""
    g = torch.Generator().manual_seed(seed)
    n_val = int(n * val_fraction)
    val = torch.randint(n, (n_val,), generator=g).tolist()
    rest = torch.randperm(n, generator=g).tolist()
    return [i for i in rest if i not in set(val)], val


@replaces("train_val_split")
def shuffles_twice(n, val_fraction, seed):
    """Training and validation are cut from two different shuffles, so they share indices: the model
    is validated on samples that it was trained on."""
    g = torch.Generator().manual_seed(seed)
    n_val = int(n * val_fraction)
    train = torch.randperm(n, generator=g)[n_val:]
    val = torch.randperm(n, generator=g)[:n_val]
    return train.tolist(), val.tolist()


# hard to catch
@replaces("train_val_split")
def every_index_tosses_a_coin(n, val_fraction, seed):
    """Each index goes to validation with probability val_fraction. The size is then right on
    average only; it is asked for within one of n times val_fraction."""
    g = torch.Generator().manual_seed(seed)
    order = torch.randperm(n, generator=g)
    chosen = torch.rand(n, generator=g) < val_fraction
    return order[~chosen].tolist(), order[chosen].tolist()


# hard to catch
@replaces("train_val_split")
def loses_one_to_rounding(n, val_fraction, seed):
    """Both sizes are rounded down on their own, and then need not add up to n: one index ends up in
    neither part."""
    order = torch.randperm(n, generator=torch.Generator().manual_seed(seed)).tolist()
    n_train, n_val = int(n * (1 - val_fraction)), int(n * val_fraction)
    return order[:n_train], order[n_train : n_train + n_val]


# hard to catch
@replaces("train_val_split")
def slice_of_minus_zero(n, val_fraction, seed):
    """The validation part is cut off with a negative index. When it is to be empty the index is -0,
    which is 0, and everything ends up in validation."""
    order = torch.randperm(n, generator=torch.Generator().manual_seed(seed)).tolist()
    n_val = int(n * val_fraction)
    return order[:-n_val], order[-n_val:]


@replaces("fit_mnist")
def seeds_before_the_layers(dataset, epochs=5, seed=0, device="cpu"):
    """The global generator is seeded so that the layers begin the same. Whatever the caller draws
    after this repeats itself too; `seed` is for the order of the samples, from a generator of its
    own."""
    torch.manual_seed(seed)
    model = nn.Sequential(nn.Flatten(), nn.Linear(784, 96), nn.ReLU(), nn.Linear(96, 10)).to(device)
    loader = DataLoader(dataset, batch_size=32, shuffle=True)
    optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
    for _ in range(epochs):
        for images, labels in loader:
            optimizer.zero_grad()
            loss = nn.functional.cross_entropy(model(images.to(device)), labels.to(device))
            loss.backward()
            optimizer.step()
    return model.eval()


@replaces("fit_mnist")
def flattens_outside_the_model(dataset, epochs=5, seed=0, device="cpu"):
    """The images are flattened in the training loop and not in the model. Whoever hands it an image
    of shape (1, 28, 28) later gets an error."""
    model = nn.Sequential(nn.Linear(784, 96), nn.ReLU(), nn.Linear(96, 10)).to(device)
    g = torch.Generator().manual_seed(seed)
    loader = DataLoader(dataset, batch_size=32, shuffle=True, generator=g)
    optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
    for _ in range(epochs):
        for images, labels in loader:
            x = images.view(images.size(0), -1).to(device)
            optimizer.zero_grad()
            loss = nn.functional.cross_entropy(model(x), labels.to(device))
            loss.backward()
            optimizer.step()
    return model.eval()


@replaces("fit_mnist")
def sgd_at_the_rate_of_adam(dataset, epochs=5, seed=0, device="cpu"):
    """0.001 is a good rate for Adam. Plain SGD hardly moves with it in five epochs: each optimizer
    needs a rate of its own."""
    model = nn.Sequential(nn.Flatten(), nn.Linear(784, 96), nn.ReLU(), nn.Linear(96, 10)).to(device)
    g = torch.Generator().manual_seed(seed)
    loader = DataLoader(dataset, batch_size=64, shuffle=True, generator=g)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.001)
    for _ in range(epochs):
        for images, labels in loader:
            optimizer.zero_grad()
            loss = nn.functional.cross_entropy(model(images.to(device)), labels.to(device))
            loss.backward()
            optimizer.step()
    return model.eval()


@replaces("fit_mnist")
def softmax_before_the_loss(dataset, epochs=5, seed=0, device="cpu"):
    """The model ends in a softmax and the loss takes one of its own. Twice squashed, the gradients
    are so small that five epochs are not enough."""
    model = nn.Sequential(
        nn.Flatten(), nn.Linear(784, 96), nn.ReLU(), nn.Linear(96, 10), nn.Softmax(dim=1)
    ).to(device)
    g = torch.Generator().manual_seed(seed)
    loader = DataLoader(dataset, batch_size=32, shuffle=True, generator=g)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.05)
    for _ in range(epochs):
        for images, labels in loader:
            optimizer.zero_grad()
            loss = nn.functional.cross_entropy(model(images.to(device)), labels.to(device))
            loss.backward()
            optimizer.step()
    return model.eval()


# hard to catch
@replaces("train_val_split")
def seed_built_in(n, val_fraction, seed):
    """The generator always begins with the same number, whatever seed the caller passes: there is one
    split only, and nobody can ask for another."""
    order = torch.randperm(n, generator=torch.Generator().manual_seed(42)).tolist()
    n_val = int(n * val_fraction)
    return order[n_val:], order[:n_val]


# hard to catch
@replaces("fit_mnist")
def always_five_epochs(dataset, epochs=5, seed=0, device="cpu"):
    """The number of epochs is written into the loop, and the argument is never used: whoever asks for
    one epoch waits for five."""
    model = nn.Sequential(nn.Flatten(), nn.Linear(784, 96), nn.ReLU(), nn.Linear(96, 10)).to(device)
    g = torch.Generator().manual_seed(seed)
    loader = DataLoader(dataset, batch_size=32, shuffle=True, generator=g)
    optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
    for _ in range(5):
        for images, labels in loader:
            optimizer.zero_grad()
            loss = nn.functional.cross_entropy(model(images.to(device)), labels.to(device))
            loss.backward()
            optimizer.step()
    return model.eval()


# hard to catch
@replaces("fit_mnist")
def one_batch_each_epoch(dataset, epochs=5, seed=0, device="cpu"):
    """One batch is drawn in each epoch. An epoch goes through all of the data once; a handful of steps
    is not enough to learn ten digits."""
    model = nn.Sequential(nn.Flatten(), nn.Linear(784, 96), nn.ReLU(), nn.Linear(96, 10)).to(device)
    g = torch.Generator().manual_seed(seed)
    loader = DataLoader(dataset, batch_size=32, shuffle=True, generator=g)
    optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
    for _ in range(epochs):
        for images, labels in [next(iter(loader))]:
            optimizer.zero_grad()
            loss = nn.functional.cross_entropy(model(images.to(device)), labels.to(device))
            loss.backward()
            optimizer.step()
    return model.eval()


# hard to catch
@replaces("fit_mnist")
def labels_stay_behind(dataset, epochs=5, seed=0, device="cpu"):
    """The model and the images are moved to the device, the labels are not. The loss needs both in
    the same place."""
    model = nn.Sequential(nn.Flatten(), nn.Linear(784, 96), nn.ReLU(), nn.Linear(96, 10)).to(device)
    g = torch.Generator().manual_seed(seed)
    loader = DataLoader(dataset, batch_size=32, shuffle=True, generator=g)
    optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
    for _ in range(epochs):
        for images, labels in loader:
            optimizer.zero_grad()
            loss = nn.functional.cross_entropy(model(images.to(device)), labels)
            loss.backward()
            optimizer.step()
    return model.eval()
