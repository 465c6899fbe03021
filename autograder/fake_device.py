"""What a probe imports to look for tensors on the wrong device. Part of the public API."""

from autograder.student.fake_device import attempt, fake_device, on_fake_device

__all__ = ["attempt", "fake_device", "on_fake_device"]
