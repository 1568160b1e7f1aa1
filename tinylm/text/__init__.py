"""What a text is, wherever it comes from: documents, languages, writing systems, printable forms."""
