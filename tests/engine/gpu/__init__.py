"""`make gpu`: everything that needs a GPU, in one run; docs/gpu.md explains what it prints."""
