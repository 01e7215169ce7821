"""ZeroSCROLLS (Shaham et al. 2023, arXiv:2305.14196): ten tasks of natural language over long texts, zero-shot."""
