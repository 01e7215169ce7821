"""How times are taken: contenders in turn, one sample each a round, and ratios of what the same rounds gave."""
