"""SentencePiece: encoding, decoding, and training of the vocabulary."""
