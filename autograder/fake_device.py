"""Public API for probes: find tensors on the wrong device, with and without a GPU."""

from autograder.student.fake_device import attempt, fake_device, on_fake_device, on_other_device

__all__ = ["attempt", "fake_device", "on_fake_device", "on_other_device"]
