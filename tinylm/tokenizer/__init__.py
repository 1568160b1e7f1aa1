"""Text to token ids and back, in C or by SentencePiece, which also learns the vocabularies."""
