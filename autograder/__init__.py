"""An automatic grader for deep-learning notebooks: isolated, fast, and itself tested."""

__version__ = "0.1.0"
