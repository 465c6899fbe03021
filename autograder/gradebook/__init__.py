"""nbgrader's gradebook and autograded/: what a class has been given."""
