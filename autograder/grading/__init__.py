"""Hidden pytest graders: collected once, then run for one submission after another."""
