"""Loops that numba compiles for the CPU: reading scattered keys and choosing the largest scores without a pass apiece.

Nothing here is imported before it is used: `available` says whether loops can run, without importing numba. A loop
takes NumPy arrays, which are the tensors' own memory: bfloat16 as the uint16 of its bits, which `numbers.real` widens.
"""
