"""What a context wants of a model, and how its forwards come to be sparse."""
