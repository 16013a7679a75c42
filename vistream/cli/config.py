"""`vistream config`: the options of the commands as YAML; and `--config`, which takes them from such a file."""

from __future__ import annotations

import difflib
import textwrap
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from vistream.errors import VistreamError

OWN = ("help", "config", "quiet", "debug", "version")
"""Options that decide how a command talks, not what it does: no file sets them."""
WIDTH = 100


def load_config(context: typer.Context, path: Path | None) -> Path | None:
    """Make the file's values the defaults of the command, before it reads its other options.

    Raises VistreamError for a file that is no YAML, and for a name that is no option of the command.
    """
    if path is not None:
        context.default_map = {**(context.default_map or {}), **_chosen(path, context)}
    return path


Config = Annotated[
    Path | None,
    typer.Option(
        "--config",
        help="Options from a YAML file, as vistream config prints them; those typed go before.",
        is_eager=True,
        callback=load_config,
        dir_okay=False,
        show_default=False,
    ),
]


def config(
    context: typer.Context,
    command: Annotated[
        str | None, typer.Argument(metavar="[COMMAND]", help="Only this command's options.", show_default=False)
    ] = None,
) -> None:
    """Print every option with its default as YAML: a file to begin with, for the commands that have --config."""
    commands: Mapping[str, Any] = getattr(context.find_root().command, "commands")  # noqa: B009  (a group, unseen)
    taking = {name: one for name, one in commands.items() if any("--config" in option.opts for option in one.params)}
    if command is not None and command not in taking:
        raise VistreamError(f"there is no command {command!r} with --config: {', '.join(taking)} have it")
    typer.echo("\n".join(_section(name, one) for name, one in taking.items() if name == (command or name)))


def _section(name: str, command: Any) -> str:
    """A command's options as YAML, the help beside each, those without a default commented out."""
    lines = [f"{name}:"]
    for option, parameter in _options(command):
        lines += textwrap.wrap(parameter.help or "", WIDTH, initial_indent="  # ", subsequent_indent="  # ")
        value = _plain(parameter.default)
        shown = _yaml(value)
        lines.append(f"  # {option}:" if value is None else f"  {option}: {shown}")
    return "\n".join(lines) + "\n"


def _yaml(value: object) -> str:
    import yaml

    text = yaml.safe_dump(value, default_flow_style=True, width=10_000, allow_unicode=True)
    return text.removesuffix("\n").removesuffix("\n...")


def _plain(value: object) -> object:
    if callable(value) or value is None:
        return None
    return value if isinstance(value, bool | int | float | str | list) else str(value)


def _options(command: Any) -> Iterator[tuple[str, Any]]:
    """The options of a command by the names that they have in a file."""
    for parameter in command.params:
        name = max(parameter.opts, key=len).removeprefix("--")
        if parameter.param_type_name == "option" and name not in OWN:
            yield name, parameter


def _chosen(path: Path, context: typer.Context) -> dict[str, Any]:
    """The values for the context's command, by the names of its parameters."""
    whole = read_yaml(path)
    command = str(context.info_name)
    section = whole.get(command)
    values = section if isinstance(section, Mapping) else whole
    if section is None and whole and all(isinstance(value, Mapping) or value is None for value in whole.values()):
        values = {}  # sections of other commands alone
    names = dict(_options(context.command))
    found = {}
    for key, value in values.items():
        name = str(key).replace("_", "-")
        if name not in names:
            close = difflib.get_close_matches(name, names, n=1)
            hint = f"did you mean {close[0]}?" if close else f"vistream config {command} prints them all"
            raise VistreamError(f"{path}: vistream {command} has no option {key!r}: {hint}")
        if value is not None:
            found[names[name].name] = _value(value, names[name])
    return found


def _value(value: Any, parameter: Any) -> Any:
    """As the command line would have it: lists of options that take one value become texts with commas."""
    if parameter.multiple:
        return [_text(item) for item in (value if isinstance(value, list) else [value])]
    if isinstance(value, bool):
        return value
    return _text(value)


def _text(value: Any) -> str:
    return ",".join(map(str, value)) if isinstance(value, list) else str(value)


def read_yaml(path: Path) -> dict[Any, Any]:
    """A YAML file's names and values. Raises VistreamError where it is none."""
    from vistream.media.formats.text import read_text, yaml_value

    whole = yaml_value(read_text(path), str(path))
    if whole is None:
        return {}
    if not isinstance(whole, dict):
        raise VistreamError(f"{path}: options and their values are expected, as vistream config prints them")
    return whole
