"""The sandbox around a student's process: what this machine can enforce, and the enforcing."""
