"""What runs beside the student's code: the fork server, the notebook's shell and the fake device."""
