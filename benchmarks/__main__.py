"""The command line of the benchmarks."""

from __future__ import annotations

import argparse

from .methods import command as methods


def main() -> None:
    """Run the benchmark that was asked for."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description="Make the published measurements.")
    benchmarks = parser.add_subparsers(required=True, metavar="BENCHMARK")
    table = benchmarks.add_parser("methods", help="every method at several densities, on the embedded model")
    methods.add_arguments(table)
    table.set_defaults(run=methods.run)
    arguments = parser.parse_args()
    arguments.run(arguments)


if __name__ == "__main__":
    main()
