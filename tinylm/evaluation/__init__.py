"""How well a model predicts a text: bits per byte with confidence intervals, and whether two models differ."""
