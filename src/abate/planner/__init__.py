"""One patient's taper."""
