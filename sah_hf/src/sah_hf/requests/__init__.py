"""A request on its way: its tokens, its answers, its report."""
