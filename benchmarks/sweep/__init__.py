"""What `sah bench` costs beside the model's own time."""
