"""The quantities that tie geometric complexity to everything else."""

from keras_gc.theory.implicit_gradient import (
    implicit_gradient_penalty as implicit_gradient_penalty,
)
from keras_gc.theory.initialization_sweep import (
    INITIALIZERS as INITIALIZERS,
)
from keras_gc.theory.initialization_sweep import (
    initialization_sweep as initialization_sweep,
)
from keras_gc.theory.jacobian_spectrum import (
    JacobianSpectrum as JacobianSpectrum,
)
from keras_gc.theory.jacobian_spectrum import (
    jacobian_spectrum as jacobian_spectrum,
)
from keras_gc.theory.lipschitz import (
    lipschitz_lower_bound as lipschitz_lower_bound,
)
from keras_gc.theory.margin import margin_normalized_gc as margin_normalized_gc
from keras_gc.theory.neural_collapse import neural_collapse as neural_collapse
from keras_gc.theory.parameter_jacobian import (
    parameter_jacobian_norms as parameter_jacobian_norms,
)
from keras_gc.theory.spectral_bound import spectral_bound as spectral_bound
from keras_gc.theory.transfer_bound import TransferBound as TransferBound
from keras_gc.theory.transfer_bound import transfer_bound as transfer_bound
