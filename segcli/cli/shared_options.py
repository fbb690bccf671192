"""Options that several commands have and their functions do not name."""

import functools
import inspect
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from typing import Any, get_type_hints

Options = Mapping[str, tuple[Any, Any]]
"""By the name of the parameter: its annotation and its default."""


def with_options(
    function: Callable[..., Any],
    first: Options,
    last: Options,
    within: Callable[[dict[str, Any]], AbstractContextManager[Any]],
) -> Callable[..., Any]:
    """A command with further options; those that its function has itself stay as they are.

    Args:
        function: The command's function.
        first: Options that stand before its own in the help.
        last: Options that stand after them.
        within: Makes of the values of the options the context in which the function runs.
    """
    signature = inspect.signature(function)
    hints = get_type_hints(function, include_extras=True)
    own = [one.replace(annotation=hints[name]) for name, one in signature.parameters.items()]
    before, after = (
        [
            inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=annotation)
            for name, (annotation, default) in options.items()
            if name not in hints
        ]
        for options in (first, last)
    )
    added = {one.name: one.annotation for one in (*before, *after)}

    @functools.wraps(function)
    def command(*arguments: Any, **options: Any) -> None:
        with within({name: options.get(name) for name in (*first, *last)}):
            function(*arguments, **{name: value for name, value in options.items() if name not in added})

    positional = [one for one in own if one.kind is not inspect.Parameter.KEYWORD_ONLY]
    named = [one for one in own if one.kind is inspect.Parameter.KEYWORD_ONLY]
    parameters = [*positional, *before, *named, *after]
    command.__signature__ = signature.replace(parameters=parameters)  # type: ignore[attr-defined]
    command.__annotations__ = {**hints, **added}
    return command
