"""The command ``extproc``, which takes from the test run what Hyperscan has compiled before: it starts in half the time.

``python -m tests.integration.guard.worker serve --config ...``. What ``extproc up`` starts in these tests starts without.
"""

from extproc.cli.main import main
from tests.compiled import keep_databases

if __name__ == "__main__":
    keep_databases()
    main()
