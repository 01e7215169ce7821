"""What a method learns offline from a model on text: how it is learned, stored and read back."""
