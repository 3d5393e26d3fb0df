"""Models that no one here wrote, small: by name, made in any backend."""

import keras
import numpy as np

# One of each family of keras.applications, with its smallest image.
IMAGES = {
    "VGG16": 32, "ResNet50": 32, "ResNet50V2": 32, "MobileNet": 32,
    "MobileNetV2": 32, "MobileNetV3Small": 32, "DenseNet121": 32,
    "EfficientNetB0": 32, "EfficientNetV2B0": 32, "NASNetMobile": 32,
    "ConvNeXtTiny": 32, "Xception": 71, "InceptionV3": 75,
    "InceptionResNetV2": 75,
}  # fmt: skip

_ENCODER = {
    "vocabulary_size": 20, "num_layers": 1, "num_heads": 2, "hidden_dim": 8,
    "intermediate_dim": 16, "max_sequence_length": 8,
}  # fmt: skip
_DECODER = {
    "vocabulary_size": 20, "num_layers": 1, "num_query_heads": 2,
    "num_key_value_heads": 1, "hidden_dim": 8, "intermediate_dim": 16,
}  # fmt: skip
# keras_hub: name of the backbone and its configuration.
TOKENS = {
    "BertBackbone": _ENCODER,
    "RobertaBackbone": _ENCODER,
    "XLMRobertaBackbone": _ENCODER,
    "DistilBertBackbone": _ENCODER,
    "ElectraBackbone": {
        **{k: v for k, v in _ENCODER.items() if k != "vocabulary_size"},
        "vocab_size": 20,
        "embedding_dim": 8,
    },
    "AlbertBackbone": {**_ENCODER, "embedding_dim": 8},
    "FNetBackbone": {k: v for k, v in _ENCODER.items() if k != "num_heads"},
    "DebertaV3Backbone": {**_ENCODER, "bucket_size": 8},
    "GPT2Backbone": _ENCODER,
    "OPTBackbone": _ENCODER,
    "BloomBackbone": {
        k: v for k, v in _ENCODER.items() if k != "max_sequence_length"
    },
    "GPTNeoXBackbone": _ENCODER,
    "MistralBackbone": _DECODER,
    "LlamaBackbone": _DECODER,
    "QwenBackbone": _DECODER,
    "GemmaBackbone": {**_DECODER, "head_dim": 4},
    "Phi3Backbone": _DECODER,
}
NAMES = (*IMAGES, *TOKENS)
# The layer whose output is measured from: that of the tokens alone, or (in
# models that have none of their own) of tokens and positions together, which
# differs by a constant.
_EMBEDDINGS = {
    "RobertaBackbone": "embeddings",
    "XLMRobertaBackbone": "embeddings",
    "OPTBackbone": "embeddings",
    "DistilBertBackbone": "token_and_position_embedding",
}


def is_token_model(name):
    return name in TOKENS


def embedding(name):
    """The argument `inputs` of the measuring functions."""
    if is_token_model(name):
        return _EMBEDDINGS.get(name, "token_embedding")
    return None


def token_table(name, model):
    """The variable that holds the vectors of the tokens."""
    layer = model.get_layer(embedding(name))
    return getattr(layer, "token_embedding", layer).embeddings


def make(name):
    """Return the model, in Keras's current dtype."""
    if not is_token_model(name):
        size = IMAGES[name]
        return getattr(keras.applications, name)(
            weights=None, input_shape=(size, size, 3), classes=10
        )
    import keras_hub

    backbone = getattr(keras_hub.models, name)(**TOKENS[name])
    outputs = backbone.output
    if isinstance(outputs, dict):
        outputs = outputs["sequence_output"]
    features = keras.ops.mean(outputs, axis=1)
    logits = keras.layers.Dense(3, name="logits")(features)
    return keras.Model(backbone.input, logits)


def draw_weights(model):
    """Return weights, the same on each backend, under which GC is not 0."""
    rng = np.random.default_rng(0)
    weights = []
    for weight in model.weights:
        name, shape = weight.path.rsplit("/", 1)[-1], tuple(weight.shape)
        fan_in = max(1, int(np.prod(shape[:-1])))
        if "seed" in name or "int" in str(weight.dtype):
            value = keras.ops.convert_to_numpy(weight)
        elif "variance" in name:
            value = rng.uniform(0.5, 1.5, shape)
        elif len(shape) < 2:
            value = 0.1 * rng.normal(size=shape)
            if name in {"gamma", "scale", "variance", "layer_scale"}:
                value = 1 + value
        elif "depthwise" in weight.path:
            value = rng.normal(size=shape) / np.prod(shape[:2]) ** 0.5
        else:
            value = rng.normal(size=shape) * (2 / fan_in) ** 0.5
        weights.append(np.asarray(value))
    return weights


def data(name, rows=2):
    rng = np.random.default_rng(1)
    if not is_token_model(name):
        size = IMAGES[name]
        return rng.normal(size=(rows, size, size, 3)).astype("float32")
    # Each token once in a row, so that the derivative with respect to the
    # embedded tokens is the one with respect to the rows of the table.
    tokens = np.stack([
        rng.permutation(np.arange(1, 20))[:6] for _ in range(rows)
    ])
    tokens = tokens.astype("int32")
    return {
        "token_ids": tokens,
        "padding_mask": np.ones_like(tokens),
        "segment_ids": np.zeros_like(tokens),
    }


def inputs_of(name, model):
    """The data, without the inputs that this model does not have."""
    x = data(name)
    if not is_token_model(name):
        return x
    return {key: x[key] for key in model.input}
