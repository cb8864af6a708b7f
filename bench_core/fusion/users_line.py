"""Where in the user's code an error came up."""

import traceback
from pathlib import Path

import torch

PACKAGE = Path(__file__).parents[1]
OTHERS = (
    Path(torch.__file__).parent,
    PACKAGE / "fusion",
    PACKAGE / "modes",
    PACKAGE / "runtimes",
)
"""Whose lines are no user's."""


def users_line(error: BaseException) -> str:
    """The innermost line of the user's on the way to `error`: file, number, function, text.

    "its own code" where there is none.
    """
    for frame in reversed(traceback.extract_tb(error.__traceback__)):
        if not any(Path(frame.filename).is_relative_to(place) for place in OTHERS):
            return f"{frame.filename}:{frame.lineno}, in {frame.name}: {frame.line}"
    return "its own code"
