"""What is done to the text of one document, before anything is counted or split."""
