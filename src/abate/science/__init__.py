"""What the world is: models, regimens, policies, people, instruments."""
