"""Make the picture of a report that README shows.

    python .docs/report_picture.py   # needs MNIST and Chromium

It writes notebooks/results/report/mnist_cnn.png.
"""

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import keras

import keras_gc

PICTURE = Path(__file__).parents[1] / "notebooks/results/report/mnist_cnn.png"
SIZE = (1120, 735)  # of the page's upper part, in pixels


def train(data):
    """Return a small CNN after two epochs."""
    keras.utils.set_random_seed(0)
    model = keras_gc.GCSequential(
        [
            keras.Input(data.x_train.shape[1:]),
            keras.layers.Conv2D(16, 3, activation="relu", name="conv1"),
            keras.layers.MaxPooling2D(),
            keras.layers.Conv2D(32, 3, activation="relu", name="conv2"),
            keras.layers.MaxPooling2D(),
            keras.layers.Flatten(),
            keras.layers.Dense(64, activation="relu", name="hidden"),
            keras.layers.Dense(data.num_classes, name="digits"),
        ],
        name="mnist_cnn",
    )
    model.compile(
        "adam",
        keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        metrics=["accuracy"],
    )
    model.fit(data.x_train, data.y_train, batch_size=128, epochs=2)
    return model


def photograph(page, picture):
    """Let a headless browser draw a page."""
    browser = shutil.which("chromium") or shutil.which("google-chrome")
    if browser is None:
        sys.exit("Install Chromium, which draws the page.")
    with tempfile.TemporaryDirectory() as profile:
        subprocess.run(
            [
                browser,
                "--headless",
                "--no-sandbox",
                "--hide-scrollbars",
                f"--user-data-dir={profile}",
                f"--window-size={SIZE[0]},{SIZE[1]}",
                f"--screenshot={picture}",
                page.as_uri(),
            ],
            check=True,
            timeout=120,
        )


def main():
    """Train, report, photograph."""
    data = keras_gc.datasets.load("mnist", max_train=20_000)
    report = keras_gc.report(train(data), data.x_test, data.y_test)
    print(report)
    with tempfile.TemporaryDirectory() as folder:
        page = Path(folder) / "report.html"
        report.save(page)
        photograph(page, PICTURE)


if __name__ == "__main__":
    main()
