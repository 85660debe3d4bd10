"""Garbage: collected by Python whenever many objects have been made, and left alone where they are all in use."""

from __future__ import annotations

import gc
import os
from collections.abc import Iterator
from contextlib import contextmanager


class _Garbage:
    """
    What Python collects now and then, but not while a large body is read.

    Of one that is all brackets the collections would take nine tenths of the time, and no other thread goes
    on during one; they would find nothing, for a body has no cycles and is let go of when it has been read.
    """

    def __init__(self) -> None:
        self._is_left_alone = False

    @contextmanager
    def left_alone(self) -> Iterator[None]:
        """Collect nothing inside the block."""
        if not gc.isenabled():
            yield
            return
        self._is_left_alone = True
        gc.disable()
        try:
            yield
        finally:
            self.resume()

    def resume(self) -> None:
        """Collect it again; in the child of a fork, where the thread that would have done so is not, too."""
        if self._is_left_alone:
            gc.enable()
            self._is_left_alone = False


_garbage = _Garbage()
left_alone = _garbage.left_alone
os.register_at_fork(after_in_child=_garbage.resume)
