"""A design from the model: replicate virtual trials, and what they say about power and error."""
