"""What the Tab key completes a value with, where a shell finds neither choices nor files."""

from __future__ import annotations


def presets(incomplete: str) -> list[str]:
    """The presets that begin so."""
    from tinylm.settings.run import PRESETS

    return [name for name in PRESETS if name.startswith(incomplete)]


def budgets(incomplete: str) -> list[str]:
    """The shipped budgets that begin so; the shell completes files where none does."""
    from tinylm.budget.spec.budget import shipped_budgets

    return [name for name in shipped_budgets() if name.startswith(incomplete)]
