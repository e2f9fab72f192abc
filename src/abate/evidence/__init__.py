"""Calibration, validation, sensitivity."""
