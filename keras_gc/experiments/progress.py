"""The display of a grid that runs: what is done, what runs, the time left."""

from typing import Any

from keras_gc.experiments.store import Store


class Progress:
    """A bar over the runs of one experiment.

    Args:
        name: str, name of the experiment.
        store: `Store`, where its rows appear, whichever process writes them.
        show: bool, whether to show anything.
    """

    def __init__(self, name: str, store: Store, *, show: bool = True):
        self._name = name
        self._store = store
        self._show = show

    def __enter__(self) -> "Progress":
        if self._show:
            import rich.progress as bars

            self._bars = bars.Progress(
                bars.TextColumn("{task.description}"),
                bars.BarColumn(),
                bars.MofNCompleteColumn(),
                bars.TimeElapsedColumn(),
                bars.TextColumn("left"),
                bars.TimeRemainingColumn(),
                bars.TextColumn("{task.fields[now]}"),
                speed_estimate_period=3600,  # seconds; a run may take minutes
            )
            self._bars.start()
            self._task = self._bars.add_task(
                self._name, total=len(self._store.grid()), now=""
            )
            self.update()
        return self

    def __exit__(self, *exception: Any) -> None:
        if self._show:
            self._bars.stop()

    def begin(self, setting: dict, seed: int) -> None:
        """Say which run is in hand.

        Args:
            setting: dict, its setting.
            seed: int, its seed.
        """
        if self._show:
            now = ", ".join(
                f"{k}={v}" for k, v in setting.items() if k != "series"
            )
            self._bars.update(self._task, now=f"{now}, seed={seed}")

    def update(self) -> None:
        """Count the rows anew."""
        if self._show:
            done = len(self._store.rows())
            self._bars.update(self._task, completed=done)
