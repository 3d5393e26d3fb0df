"""Which operations a piece of code runs, or adds to a graph."""

import contextlib

import tensorflow as tf
from tensorflow.python.eager import context
from tensorflow.python.framework import op_callbacks


@contextlib.contextmanager
def operation_types():
    """Yield a set that, after the block, has the type of each operation in it.

    Those inside functions and loops are among them.
    """
    types = set()
    if tf.executing_eagerly():  # which keeps no record
        with _callback(lambda name, *_, **__: types.add(name)):
            yield types
        functions = set(types)  # a function that is called counts by its name
    else:
        graph = tf.compat.v1.get_default_graph()
        first = len(graph.get_operations())
        yield types
        functions = set()
        for operation in graph.get_operations()[first:]:
            types.add(operation.type)
            functions |= _functions_of(operation.node_def)
    _add_types_inside(functions, types)


@contextlib.contextmanager
def _callback(function):
    op_callbacks.add_op_callback(function)
    try:
        yield
    finally:
        op_callbacks.remove_op_callback(function)


def _add_types_inside(functions, types):
    """Add the types in the bodies of functions, and in what these call."""
    seen = set()
    while functions - seen:
        name = (functions - seen).pop()
        seen.add(name)
        if not context.context().has_function(name):
            continue
        for node in context.context().get_function_def(name).node_def:
            types.add(node.op)
            functions |= {node.op} | _functions_of(node)


def _functions_of(node):
    """Return the names of the functions that a node calls."""
    return {
        function.name
        for value in node.attr.values()
        for function in (value.func, *value.list.func)
        if function.name
    }
