"""Configuration to torch module."""

from tinylm.model.transformer import TinyTransformer, build, count_parameters

__all__ = ["TinyTransformer", "build", "count_parameters"]
