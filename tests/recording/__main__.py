"""Compare two recordings, or record the demo."""

import argparse
import sys
from pathlib import Path


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.recording", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    compare = commands.add_parser(
        "compare", help="report how two recordings differ; exits with 1 if behaviour does"
    )
    compare.add_argument("before", type=Path)
    compare.add_argument("after", type=Path)
    compare.add_argument("--most", type=int, default=100, help="differences shown of each class (default: 100)")
    compare.add_argument(
        "--ignore", metavar="KEY", action="append", default=[], help="leave out a key that was changed on purpose"
    )
    demo = commands.add_parser("demo", help="run `extproc demo`, and record what it prints and stores")
    demo.add_argument("file", type=Path)
    arguments = parser.parse_args()
    if arguments.command == "demo":
        from tests.recording.demo import record_demo

        return record_demo(arguments.file)
    from tests.recording.compare import compare_files

    return compare_files(arguments.before, arguments.after, arguments.most, frozenset(arguments.ignore))


if __name__ == "__main__":
    sys.exit(main())
