"""Designing a randomised trial."""
