"""`autograder demo`: a sample class in a copy of the course."""
