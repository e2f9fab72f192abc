"""Kernels for a graphics card: the generated scalar code with one thread a person."""
