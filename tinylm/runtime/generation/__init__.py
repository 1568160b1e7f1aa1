"""From a prompt to text: generation, conversation."""
