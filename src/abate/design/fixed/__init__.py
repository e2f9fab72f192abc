"""Sample size and power of trials with one analysis, one file an endpoint."""
