"""What a protocol needs, generated from one design file: texts, schedule, diagrams, lists, dummy data."""
