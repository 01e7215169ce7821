"""Answer cells on a Ray cluster: the extra `ray`. Importing the package imports no ray."""

import os

_TOLD_ANYWAY = "^A worker died|^The node with node id|worker.s. were killed|cannot be scheduled|infeasible resource"
"""What Ray prints of workers that are lost or find no room: on stdout, where ``--json`` wants nothing else."""

os.environ.setdefault("RAY_DEDUP_LOGS_SKIP_REGEX", _TOLD_ANYWAY)  # read when ray is imported
