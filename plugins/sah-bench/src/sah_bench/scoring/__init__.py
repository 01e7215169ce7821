"""How right an answer is, and how right many of them are."""
