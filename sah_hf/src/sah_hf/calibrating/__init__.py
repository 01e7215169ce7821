"""`sah calibrate`: let calibrators observe a model's attention on text, and store what they learn."""
