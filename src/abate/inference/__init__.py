"""From data to parameters: one person, or a population."""
