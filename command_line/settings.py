"""Options of a command from the fields of a dataclass: name, type, default and help are the field's."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import MISSING, fields
from typing import Annotated, Any, get_type_hints

import typer

from .shared import number

__all__ = ["with_settings"]

Command = Callable[..., Any]


def with_settings(settings: type, **instead: str) -> Callable[[Command], Command]:
    """A command that takes `**settings` gets one option for each field of a dataclass.

    Arguments:
        settings: a dataclass whose fields have their help, and bounds or None, in `metadata`: help, least, most.
        instead: for some fields, the name of the command's own parameter that stands in their place. A parameter that
            has the field's name does so anyhow.
    """

    def give_options(command: Command) -> Command:
        signature = inspect.signature(command, eval_str=True)
        own = {
            name: parameter
            for name, parameter in signature.parameters.items()
            if parameter.kind is not inspect.Parameter.VAR_KEYWORD
        }
        types = get_type_hints(settings)
        annotated: Any = Annotated  # a type checker would read the subscript below as a type
        options = []
        for field in fields(settings):
            name = instead.get(field.name, field.name)
            if name in own:
                options.append(own.pop(name))
                continue
            assert field.default is not MISSING, field.name
            about = field.metadata
            option, kind_of = typer.Option(help=about["help"]), types[field.name]
            for kind in (int, float):
                if kind_of in (kind, kind | None):
                    option = number(help=about["help"], least=about["least"], most=about["most"], kind=kind)
            annotation = annotated[kind_of, option]
            place = inspect.Parameter.KEYWORD_ONLY
            options.append(inspect.Parameter(name, place, default=field.default, annotation=annotation))
        options += own.values()
        keyword = [option.replace(kind=inspect.Parameter.KEYWORD_ONLY) for option in options]
        command.__signature__ = signature.replace(parameters=keyword)  # type: ignore[attr-defined]
        return command

    return give_options
