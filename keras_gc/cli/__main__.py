"""`python -m keras_gc.cli` is `keras-gc`."""

import sys

from keras_gc.cli import main

sys.exit(main())
