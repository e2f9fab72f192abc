"""The few verbs that people type: ``import abate as ab``."""

from __future__ import annotations

__all__: list[str] = []
