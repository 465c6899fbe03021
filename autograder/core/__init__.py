"""Records, settings, limits and errors that every room shares. Imports neither torch nor nbgrader."""
