"""Solving a model for many people."""
