"""The transformer as a torch module, built from its configuration."""

from tinylm.model.transformer import TinyTransformer, build, count_parameters

__all__ = ["TinyTransformer", "build", "count_parameters"]
