"""The data set that students get: made by our own script, read by torchvision's own class."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from sklearn.datasets import load_digits
from torchvision.datasets import MNIST

from tests.tools.digits import write_digits

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("place", ["source/module6/data", "release/module6/data"])
def test_the_committed_files_are_what_the_script_writes(tmp_path: Path, place: str) -> None:
    write_digits(tmp_path)
    made = {path.relative_to(tmp_path): path.read_bytes() for path in tmp_path.rglob("*ubyte")}
    kept = {path.relative_to(ROOT / place): path.read_bytes() for path in (ROOT / place).rglob("*ubyte")}
    assert len(made) == 4
    assert kept == made


def test_torchvision_reads_every_digit_once() -> None:
    parts = [MNIST(ROOT / "source/module6/data", train=train, download=False) for train in (True, False)]
    assert [len(part) for part in parts] == [1437, 360]
    labels = np.concatenate([part.targets.numpy() for part in parts])
    assert (np.bincount(labels) == np.bincount(load_digits().target)).all()
    images = np.concatenate([part.data.numpy() for part in parts])
    assert images.shape == (1797, 28, 28)
    assert len(np.unique(images.reshape(1797, -1), axis=0)) == len(
        np.unique(load_digits().images.reshape(1797, -1), axis=0)
    )
