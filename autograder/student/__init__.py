"""Runs beside the student's code: fork server, notebook shell, answers to the grader's requests."""
