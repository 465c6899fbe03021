"""Worker processes: hand out submissions, replace workers that die, collect the results."""
