"""Do a plan that lies in a file, in a process of its own: ``script.py PLAN RESULTS``. Importing it does nothing.

It leaves as a command would: with the outcome's exit code, and with 130 on Ctrl-C.
"""

from __future__ import annotations

import pickle
import sys
from pathlib import Path

from sah_bench.executor.executor import BenchmarkExecutor
from sah_bench.executor.local_workers import LocalWorkers
from sah_bench.store.directory import ResultsDirectory


def main() -> int:
    """Do it."""
    plan = pickle.loads(Path(sys.argv[1]).read_bytes())
    directory = ResultsDirectory.created(Path(sys.argv[2]))
    try:
        with LocalWorkers(plan.workers, directory.path) as workers:
            outcome = BenchmarkExecutor(plan, directory, workers).run()
    except KeyboardInterrupt:
        return 130
    for problem in outcome.problems:
        print(problem, file=sys.stderr)
    return outcome.exit_code


if __name__ == "__main__":
    sys.exit(main())
