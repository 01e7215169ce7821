"""One attention call as a decode step makes it: its tensors, dense attention of them, and the subjects to compare."""
