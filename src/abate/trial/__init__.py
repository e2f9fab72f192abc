"""Where engine and study meet: arms, visits, decisions, the ledger."""
