"""A submitted file becomes a submission: archives, notebook files, the released cells restored."""
