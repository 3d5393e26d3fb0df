"""`python -m tests.properties --cases 5000`: random cases, fresh each time."""

import argparse
import collections
import time
import traceback

import hypothesis

from tests.properties.cases import LAWS, cases, check


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cases", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--law", choices=sorted(LAWS))
    parser.add_argument("--minutes", type=float, help="stop after so many")
    options = parser.parse_args()
    start, counts, faults = time.monotonic(), collections.Counter(), []

    @hypothesis.seed(options.seed)
    @hypothesis.settings(
        max_examples=options.cases,
        database=None,
        deadline=None,
        suppress_health_check=list(hypothesis.HealthCheck),
        phases=[hypothesis.Phase.generate],
    )
    @hypothesis.given(cases(options.law))
    def run(case):
        minutes = (time.monotonic() - start) / 60
        if options.minutes and minutes > options.minutes:
            return
        try:
            check(case)
        except hypothesis.errors.UnsatisfiedAssumption:
            raise
        except Exception as error:
            faults.append(case)
            last = traceback.extract_tb(error.__traceback__)[-1]
            print(f"{case}\n  {type(error).__name__} at {last.filename}:"
                  f"{last.lineno}: {' '.join(str(error).split())[:600]}",
                  flush=True)  # fmt: skip
        counts[case.law] += 1

    run()
    for law, count in sorted(counts.items()):
        print(f"{law:15} {count}")
    print(f"{sum(counts.values())} cases, {len(faults)} faults, "
          f"{time.monotonic() - start:.0f} s")  # fmt: skip
    raise SystemExit(bool(faults))


main()
