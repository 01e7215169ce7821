"""The GPU kernels against dense attention on a CUDA device: ``python -m benchmarks gpu``."""
