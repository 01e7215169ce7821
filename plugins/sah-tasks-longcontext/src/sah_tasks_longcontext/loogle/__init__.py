"""LooGLE (Li et al. 2023, arXiv:2311.04939): many questions about each of several hundred long documents."""
