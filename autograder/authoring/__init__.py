"""The author's side: release an assignment, find mistakes and leaks, start a new exercise."""
