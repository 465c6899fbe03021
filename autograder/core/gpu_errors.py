"""Which exceptions say that the GPU ran out of memory, or that a process can use it no more."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from autograder.core.records import Output

OUT_OF_MEMORY = (
    "CUDA out of memory", "CUDA error: out of memory", "CUDA_ERROR_OUT_OF_MEMORY",
    "CUBLAS_STATUS_ALLOC_FAILED", "CUDNN_STATUS_ALLOC_FAILED", "CUSOLVER_STATUS_ALLOC_FAILED",
)  # fmt: skip
"""What PyTorch and the libraries below it say."""
_UNUSABLE = "CUDA error: "


def gpu_out_of_memory(kinds: Collection[str], text: str) -> bool:
    """Whether an exception, with the names of its class and bases, says that the GPU is out of memory."""
    return "OutOfMemoryError" in kinds or any(words in text for words in OUT_OF_MEMORY)


def gpu_unusable(text: str) -> bool:
    """Whether an exception's text says that no later use of the GPU in its process can succeed.

    After an error within a kernel, such as an index out of range, every CUDA call fails.
    """
    return _UNUSABLE in text and not any(words in text for words in OUT_OF_MEMORY)


def errors_in(outputs: Iterable[Output]) -> Iterable[tuple[str, str]]:
    """The name and the text of each exception among a cell's outputs."""
    return ((output.ename, output.evalue) for output in outputs if output.kind == "error")
