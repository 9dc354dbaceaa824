"""Turns a stage's frozen dataclass of settings into its flags, and its errors into one line.

A stage ends with::

    if __name__ == "__main__":
        command_line.run(main, Settings)

where ``main`` takes the settings. Flags are defined only then, so that two stages with a flag
of the same name can be imported together.
"""

import dataclasses
import sys
import types
import typing
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeVar

from absl import app, flags, logging

from pipeline.progress import show_messages

SettingsType = TypeVar("SettingsType")

_INTERRUPTED = 130  # what shells tell of a program that Ctrl-C has ended


def setting(help_text: str, **default: Any) -> Any:
    """A dataclass field with the help text of its flag; without ``default=`` it is required."""
    return dataclasses.field(metadata={"help": help_text}, **default)


def require_at_least(settings: Any, **least: float) -> None:
    """Checks the ranges of a settings dataclass; a field that is None is not checked.

    Raises:
        ValueError: Naming the first flag whose value is below its least.
    """
    for name, lowest in least.items():
        value = getattr(settings, name)
        if value is not None and not value >= lowest:
            raise ValueError(f"--{name} is at least {lowest}. Received: {value}.")


def require_default(settings: Any, beside: str, *names: str) -> None:
    """Refuses flags that would have no effect.

    Args:
        settings: A settings dataclass.
        beside: What leaves them without one, such as ``--pooling=mac``.
        names: Fields that have to keep their defaults.

    Raises:
        ValueError: Naming the first that has another value.
    """
    defaults = {field.name: field.default for field in dataclasses.fields(settings)}
    for name in names:
        if getattr(settings, name) != defaults[name]:
            raise ValueError(f"--{name} has no effect with {beside}.")


def define_flags(settings_type: type) -> None:
    """Defines one absl flag for every field of a settings dataclass.

    Raises:
        TypeError: For a field whose type no flag can carry.
    """
    types_by_name = typing.get_type_hints(settings_type)
    for field in dataclasses.fields(settings_type):
        default = None if _is_required(field) else field.default
        _define_flag(field.name, types_by_name[field.name], default, field.metadata["help"])


def _is_required(field: "dataclasses.Field[Any]") -> bool:
    return field.default is dataclasses.MISSING


def _define_flag(name: str, annotation: Any, default: Any, help_text: str) -> None:
    annotation = _without_none(annotation)
    # As if the stage itself had defined it: --help lists the flags of the program alone.
    module = {"module_name": sys.argv[0]}
    if typing.get_origin(annotation) is typing.Literal:
        flags.DEFINE_enum(name, default, list(typing.get_args(annotation)), help_text, **module)
    elif annotation == tuple[str, ...]:
        flags.DEFINE_list(name, None if default is None else list(default), help_text, **module)
    elif annotation in _DEFINERS:
        text = str(default) if isinstance(default, Path) else default
        _DEFINERS[annotation](name, text, help_text, **module)
    else:
        raise TypeError(f"No flag carries a setting of type {annotation}. Received: {name}.")


_DEFINERS: dict[Any, Callable[..., Any]] = {
    str: flags.DEFINE_string,
    Path: flags.DEFINE_string,
    bool: flags.DEFINE_boolean,
    int: flags.DEFINE_integer,
    float: flags.DEFINE_float,
}


def _without_none(annotation: Any) -> Any:
    """``str | None`` becomes ``str``: an absent flag is None."""
    if typing.get_origin(annotation) in (types.UnionType, typing.Union):  # Literal gives the other
        (annotation,) = [a for a in typing.get_args(annotation) if a is not types.NoneType]
    return annotation


def read_settings(settings_type: type[SettingsType]) -> SettingsType:
    """The settings that the parsed flags hold; of a path, ``~`` is the user's home.

    Raises:
        ValueError: If a required flag is missing, or a path is empty.
    """
    types_by_name = typing.get_type_hints(settings_type)
    values = {}
    for field in dataclasses.fields(settings_type):  # type: ignore[arg-type]
        value = flags.FLAGS[field.name].value
        if value is None and _is_required(field):
            raise ValueError(f"--{field.name} is required. {field.metadata['help']}")
        if _without_none(types_by_name[field.name]) is Path and value is not None:
            if not value:
                raise ValueError(f"--{field.name} is empty; name a file or a folder.")
            value = Path(value).expanduser()
        values[field.name] = tuple(value) if isinstance(value, list) else value
    return settings_type(**values)


def run(main: Callable[[SettingsType], None], settings_type: type[SettingsType]) -> None:
    """Runs a stage from the command line.

    What the user can mend (ValueError, OSError: a bad flag, a missing file) ends as one line
    on standard error and exit status 1; ``--verbosity=1`` shows its traceback. Ctrl-C ends as one
    line too. Anything else is a defect and keeps its traceback.
    """

    def main_of_arguments(arguments: Sequence[str]) -> None:
        if arguments[1:]:
            sys.exit(f"error: expected only flags (--name=value). Received: {arguments[1:]}.")
        try:
            main(read_settings(settings_type))
        except (ValueError, OSError) as error:
            logging.debug("The error below was raised here:", exc_info=True)
            sys.exit(f"error: {error}")
        except KeyboardInterrupt:
            sys.stderr.write("interrupted\n")
            sys.exit(_INTERRUPTED)

    define_flags(settings_type)
    logging.set_verbosity(logging.WARNING)  # of the libraries
    show_messages()
    app.run(main_of_arguments, flags_parser=_parse_flags)


def _parse_flags(arguments: Sequence[str]) -> list[str]:
    try:
        return flags.FLAGS(arguments)
    except flags.Error as error:
        sys.exit(f"error: {str(error).rstrip('. ?')}. Pass --help for a list of the flags.")
