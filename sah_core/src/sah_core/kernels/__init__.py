"""GPU kernels in Triton: attention over lists of keys or pages, and Quest's bounds of pages.

Nothing here is imported before it is used: `available` says whether the kernels can run, without importing Triton.
"""
