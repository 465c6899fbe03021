"""What nbgrader needs before this package can use it: its settings, its database, its log."""
