"""What `keras_gc.report` and `keras_gc.compare` say, and how it is drawn.

The package is not called `report`: importing a submodule `keras_gc.report`
would bind that name in `keras_gc` to the module, and whether
`keras_gc.report(model, x)` works would depend on who imported what first.
So `keras_gc.report` is the function, always, and `import keras_gc.report`
fails as `import keras_gc.jacobian_norms` does.

What a page says is computed in `make_report.py` and what it calls, and stands
in the plain dataclasses of `facts.py`; `page.py`, `figures.py`, `pictures.py`
and `tables.py` draw from these alone.
"""

from keras_gc.reporting.comparison import Comparison as Comparison
from keras_gc.reporting.gc_report import GCReport as GCReport
from keras_gc.reporting.make_comparison import compare as compare
from keras_gc.reporting.make_report import report as report
