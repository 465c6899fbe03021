"""The data set that students get: written by tests/tools/digits.py, read by torchvision's MNIST."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from sklearn.datasets import load_digits
from torchvision.datasets import MNIST

from tests.tools.digits import write_digits

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("folder", ["source/module6/data", "release/module6/data"])
def test_the_committed_files_are_what_the_script_writes(tmp_path: Path, folder: str) -> None:
    write_digits(tmp_path)
    written = {path.relative_to(tmp_path): path.read_bytes() for path in tmp_path.rglob("*ubyte")}
    committed = {
        path.relative_to(ROOT / folder): path.read_bytes() for path in (ROOT / folder).rglob("*ubyte")
    }
    assert len(written) == 4
    assert committed == written


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
