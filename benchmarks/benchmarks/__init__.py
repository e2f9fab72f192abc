"""Our own history, for asv: ``asv run`` and ``asv publish`` in the folder above."""
