"""The student's process seen from the grader: start it, run the cells, call what they define."""
