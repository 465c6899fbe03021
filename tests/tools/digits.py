"""Write scikit-learn's handwritten digits as the four files of MNIST.

    python -m tests.tools.digits FOLDER

writes FOLDER/MNIST/raw/{train,t10k}-{images-idx3,labels-idx1}-ubyte, which torchvision.datasets.MNIST(FOLDER,
train=..., download=False) reads. The bytes are the same on every machine: the arithmetic uses integers only,
and NumPy promises never to change the random stream of RandomState.

Source: Optical Recognition of Handwritten Digits, E. Alpaydin and C. Kaynak, UCI Machine Learning
Repository (1998), CC BY 4.0; 1797 images of 8 x 8 pixels, 0 to 16, as shipped in scikit-learn.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from sklearn.datasets import load_digits

Integers = NDArray[np.int64]

SMALL, LARGE = 8, 28  # pixels per side, before and after
MAX_GRAY = 16  # before; 255 afterwards
TEST_IMAGES = 360
SEED = 6


def write_digits(folder: Path) -> None:
    """Write all 1797 digits, shuffled: 360 for testing, the others for training."""
    digits = load_digits()
    images, labels = enlarged(digits.images.astype(np.int64)), digits.target.astype(np.uint8)
    order = np.random.RandomState(SEED).permutation(len(labels))
    raw = folder / "MNIST" / "raw"
    raw.mkdir(parents=True, exist_ok=True)
    for name, chosen in [("train", order[TEST_IMAGES:]), ("t10k", order[:TEST_IMAGES])]:
        (raw / f"{name}-images-idx3-ubyte").write_bytes(idx(images[chosen]))
        (raw / f"{name}-labels-idx1-ubyte").write_bytes(idx(labels[chosen]))


def enlarged(images: Integers) -> NDArray[np.uint8]:
    """Enlarge (n, 8, 8) images of 0..16 to (n, 28, 28) uint8 images of 0..255, by bilinear interpolation."""
    weights = _weights()  # (28, 8); each row sums to 14
    sums = weights @ images @ weights.T  # 0 to 14 * 14 * 16
    maximum = (LARGE // 2) ** 2 * MAX_GRAY
    return ((sums * 255 + maximum // 2) // maximum).astype(np.uint8)


def _weights() -> Integers:
    """The (28, 8) weights of the small pixels in each large one, in fourteenths."""
    parts = LARGE // 2
    weights = np.zeros((LARGE, SMALL), dtype=np.int64)
    for large in range(LARGE):
        # center of the large pixel, in small pixels: (large + 1/2) * 8/28 - 1/2 = (4 * large - 5) / 14
        left, rest = divmod(4 * large - 5, parts)
        weights[large, max(left, 0)] += parts - rest
        weights[large, min(left + 1, SMALL - 1)] += rest
    return weights


def idx(array: NDArray[np.uint8]) -> bytes:
    """Encode in the IDX format: 0, 0, type 8 (unsigned byte), number of dimensions, sizes, values."""
    head = bytes([0, 0, 8, array.ndim]) + b"".join(size.to_bytes(4, "big") for size in array.shape)
    return head + array.tobytes()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("folder", type=Path)
    write_digits(parser.parse_args().folder)
