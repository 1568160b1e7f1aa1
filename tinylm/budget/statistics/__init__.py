"""Confidence for quantiles, means and ratios of times."""
