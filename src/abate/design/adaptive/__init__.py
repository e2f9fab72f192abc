"""Designs that change course by their own data, each with a simulated type I error."""
