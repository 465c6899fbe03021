"""The student's process as the grader sees it: start it, run the cells, call what they define."""
