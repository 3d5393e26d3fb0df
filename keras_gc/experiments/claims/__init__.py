"""The claims of the papers, one module each, named as the command names it.

A module holds one `EXPERIMENT`: the sentence, the grid, the recipe, and what
a single run measures. The machinery around them is in `keras_gc.experiments`.
"""
