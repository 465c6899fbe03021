"""What the grader's process and the student's process send each other, and how."""
