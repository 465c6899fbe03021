"""A course on disk: its source notebooks, reference solutions, samples and secret. Never imports torch."""
