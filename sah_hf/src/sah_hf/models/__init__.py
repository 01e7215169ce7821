"""Loading models, telling them apart, and handing them tokens."""
