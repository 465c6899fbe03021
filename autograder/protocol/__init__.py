"""What the grader's process and the student's process say to each other, and how."""
