"""What a command imports: kept from the search for cycles, and without what serves nobody.

Touches the garbage collector and the imported modules.
"""

from __future__ import annotations

import gc
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final, cast

if TYPE_CHECKING:
    from collections.abc import Iterator

UNWANTED: Final = ("rich", "click")
"""structlog and httpx import them where they are installed, for coloured tracebacks and for a
command line of their own, and do without them where they are not: that saves 0.05 s. What shows
something in a terminal imports rich later, for itself."""


@contextmanager
def loading(*, without: tuple[str, ...] = UNWANTED) -> Iterator[None]:
    """Let nothing that is imported here be looked through for cycles: it is there to stay.

    To what is imported here the modules `without` seem not to be installed.
    """
    hidden = [name for name in without if name not in sys.modules]
    gc.disable()
    try:
        # The documented way to make an import fail: "The import system", 5.3.1.
        cast("dict[str, Any]", sys.modules).update(dict.fromkeys(hidden))
        yield
    finally:
        for name in hidden:
            sys.modules.pop(name, None)
        gc.freeze()
        gc.enable()
