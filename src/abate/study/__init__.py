"""What happened to people, recorded or simulated: tables, statistics, expression."""
