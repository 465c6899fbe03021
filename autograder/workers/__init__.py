"""Worker processes: hand out submissions, replace a worker that dies, collect the results."""
