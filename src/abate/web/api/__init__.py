"""The verbs as JSON under ``/api``, documented by ``/api/openapi.json``; nothing is kept between two requests."""

from __future__ import annotations

from abate.web.api.application import create_api

__all__ = ["create_api"]
