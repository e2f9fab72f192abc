"""What every room stands on: errors, units, quantities, files, randomness, results."""
