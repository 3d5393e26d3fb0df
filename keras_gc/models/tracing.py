"""What is done before a step is traced, and after its first batch."""

import contextlib
import functools
from collections.abc import Callable
from typing import Any

from keras_gc import backend, keras_seam


class Tracing(keras_seam.Mixin):
    """The part of `GCModel` that has `keras.Model` trace its steps."""

    _step: Any = None
    train_function: Any  # keras.Model's, made when they are first needed
    test_function: Any
    _traced_with: Any = None  # what train_function was traced for

    def make_train_function(self, force: bool = False) -> Callable:
        """Trace again when GC enters or leaves the loss, or by a schedule."""
        step = self._step
        if step is not None:
            traced_with = step.penalty.form
            force = force or traced_with is not self._traced_with
            self.__dict__["_traced_with"] = traced_with
            step.penalty.prepare()
            if step.is_asked_for:
                step.obstacle = None
            self._prepare_step()
            step.check_jit()
        before: Any = self.train_function
        super().make_train_function(force)
        if self.train_function is not before:
            self._take_turns()
            self.train_function = self._supervised(self.train_function)
        return self.train_function

    def _take_turns(self):
        """Have a step that measures GC, and one for the batches between.

        A condition inside of one step would cost more than what it saves.
        """
        step = self._step
        if step is None or not (step.is_watched and step.watch.takes_turns):
            return
        looking = self.train_function
        with self._new_train_step():
            super().make_train_function(force=True)
        between = self.train_function

        def take_turns(*args, **kwargs):
            with step.watch.turn() as is_due:
                return (looking if is_due else between)(*args, **kwargs)

        self.train_function = take_turns

    @contextlib.contextmanager
    def _new_train_step(self):
        """Have another function in the block: JAX keeps one trace for each."""
        given = self.__dict__.get("train_step")
        self.__dict__["train_step"] = functools.partial(self.train_step)
        try:
            yield
        finally:
            del self.__dict__["train_step"]
            if given is not None:
                self.__dict__["train_step"] = given

    def make_test_function(self, force: bool = False) -> Callable:
        """Build the estimator before anything is traced."""
        self._prepare_step()
        before: Any = self.test_function
        super().make_test_function(force)
        if self.test_function is not before:
            self.test_function = self._supervised(self.test_function)
        return self.test_function

    def _prepare_step(self):
        step = self._step
        if step is not None and (step.is_shown or step.is_penalised):
            try:
                step.build_estimator()
            except ValueError as error:
                if step.is_asked_for:
                    raise
                step.give_up(error)

    def _supervised(self, function):
        """Let the host read what the first batch of a function has shown."""
        step = self._step
        if step is None or not (step.is_shown or step.changes_training):
            return function

        def check(facts):
            step.first_batch.read(facts)
            step.first_batch.check_own_step()
            if step.obstacle is not None:  # go on without GC
                if self.train_function is not None:
                    self.make_train_function(force=True)
                if self.test_function is not None:
                    self.make_test_function(force=True)

        return backend.supervise(self, function, step.tracker.facts, check)
