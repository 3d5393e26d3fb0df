"""`python -m tests.hostile --tries N`: thousands of tries, and what failed."""

import argparse
import collections
import sys

from tests.hostile.attack import attack
from tests.hostile.targets import TARGETS


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tries", type=int, default=1000)
    parser.add_argument("--first", type=int, default=0, help="where to start")
    parser.add_argument("--target", choices=sorted(TARGETS))
    options = parser.parse_args()
    counts = collections.Counter()
    for index in range(options.first, options.first + options.tries):
        name, outcome = attack(index, options.target)
        is_fault = outcome not in {"value", "sentence"}
        counts[name, "fault" if is_fault else outcome] += 1
        if is_fault:
            print(f"{index} {name}: {outcome}", flush=True)
    for (name, outcome), count in sorted(counts.items()):
        print(f"{name:22} {outcome:9} {count}")
    sys.exit(any(outcome == "fault" for _, outcome in counts))


main()
