"""One grid on all workers of a Dask cluster, which share a folder.

    python dask_grid.py SCHEDULER reproduce explicit --out /shared/results

SCHEDULER is its address, or `local` for a cluster on this machine. Each worker
takes the next run that nobody has; start it again if a worker is lost.
"""

import subprocess
import sys

from distributed import Client, LocalCluster


def main(scheduler: str, *command: str) -> None:
    """Let every worker run `keras-gc COMMAND --resume`."""
    address = scheduler
    if scheduler == "local":
        address = LocalCluster(n_workers=2, threads_per_worker=1)
    line = [sys.executable, "-m", "keras_gc.cli", *command, "--resume"]
    with Client(address) as client:
        futures = [
            client.submit(
                subprocess.run, line, check=True, workers=[worker], pure=False
            )
            for worker in client.nthreads()
        ]
        client.gather(futures)


if __name__ == "__main__":
    main(*sys.argv[1:])
