"""How long RULER's rows take to make."""
