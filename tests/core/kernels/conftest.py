"""What needs Triton's interpreter is collected under it alone: Triton is told of it before it is imported, or never."""

import os

collect_ignore = [] if os.environ.get("TRITON_INTERPRET") == "1" else ["interpreted"]
