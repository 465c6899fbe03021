"""Record grades in nbgrader's gradebook and in autograded/."""
