"""The analyses that a protocol promises: stratified proportions, win ratio, and what missing data could hide."""
