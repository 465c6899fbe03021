"""What nbgrader_config.py names, so that nbgrader's own commands use this package."""
