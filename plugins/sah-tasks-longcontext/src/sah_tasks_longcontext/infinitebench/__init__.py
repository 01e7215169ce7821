"""InfiniteBench (Zhang et al. 2024, arXiv:2402.13718): twelve tasks with contexts beyond 100,000 tokens."""
