"""Rules that conflict or can never decide, found when a policy is loaded."""

from __future__ import annotations

from abate.ground.files import Document
from abate.science.policy.value import Policy

__all__ = ["check"]


def check(document: Document, policy: Policy, order: list[int]) -> None:
    """Refuse a policy with rules that conflict or can never decide."""
