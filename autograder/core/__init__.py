"""Records, settings, limits and errors that all packages share. Imports neither torch nor nbgrader."""
