"""What happened during a request, and what it took."""
