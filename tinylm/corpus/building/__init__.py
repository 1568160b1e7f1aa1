"""From documents to a corpus on disk: parts, duplicates, weights, the split into training and validation."""
