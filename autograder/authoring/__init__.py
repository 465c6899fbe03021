"""Tools for authors: release an assignment, find mistakes and leaks, start an exercise, check graders."""
