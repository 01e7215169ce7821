"""Find a method's best parameters under a budget: the search space, the study, and what comes of it."""
