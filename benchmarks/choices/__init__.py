"""How long lm_eval's choices take to score."""
