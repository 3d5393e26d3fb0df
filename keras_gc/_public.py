"""The public names, and the registration of all classes with Keras."""

from keras_gc import callbacks as callbacks
from keras_gc import datasets as datasets
from keras_gc import estimators as estimators
from keras_gc import heuristics as heuristics
from keras_gc import regularizers as regularizers
from keras_gc import theory as theory
from keras_gc.measure import GCEstimate as GCEstimate
from keras_gc.measure import geometric_complexity as geometric_complexity
from keras_gc.measure import jacobian_norms as jacobian_norms
from keras_gc.models import GCModel as GCModel
from keras_gc.models import GCSequential as GCSequential
from keras_gc.reporting import compare as compare
from keras_gc.reporting import report as report
