"""A context on its way into a KV cache, which is forked for each question."""
