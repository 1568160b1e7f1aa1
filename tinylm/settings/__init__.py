"""What can be set about a model and its training: shapes, presets, TOML in and out."""
