"""Calibration: the library's calibrated numbers from their targets, with what the targets leave open."""
