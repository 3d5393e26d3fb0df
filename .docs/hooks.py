"""Formulas as MathML, which browsers draw without a script."""

from latex2mathml.converter import convert


def on_config(config):
    """Give blocks fenced as `math` to the converter."""
    fences = config.mdx_configs.setdefault("pymdownx.superfences", {})
    fences["custom_fences"] = [
        {"name": "math", "class": "math", "format": _formula}
    ]
    return config


def _formula(source, *args, **kwargs):
    return convert(source, display="block")
