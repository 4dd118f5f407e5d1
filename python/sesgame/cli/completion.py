"""``sesgame completion bash``: what a shell has to know to complete commands, options and rules."""

from __future__ import annotations

import argparse
import re
from collections.abc import Iterator
from typing import Any

from sesgame.cli.console import put

__all__ = ["add_completion", "bash_completion"]

_BASH = """\
# Completion of sesgame in bash: eval "$(sesgame completion bash)"
_sesgame() {{
    local word="${{COMP_WORDS[COMP_CWORD]}}" before="${{COMP_WORDS[COMP_CWORD-1]}}"
    local command="" one words="" first=""
    for one in "${{COMP_WORDS[@]:1:COMP_CWORD-1}}"; do
        case "$one" in {commands}) command="$one"; break ;; esac
    done
    case "$command $before" in
{values}
        *) case "$command $word" in
{options}
        esac ;;
    esac
    # Of a list with commas the last entry is completed.
    case "$word" in *,*) first="${{word%,*}}," ;; esac
    COMPREPLY=($(compgen -P "$first" -W "$words" -- "${{word##*,}}"))
}}
complete -o default -F _sesgame sesgame
"""
"""Where no word fits, files are completed."""


def add_completion(commands: Any) -> None:
    """Add ``sesgame completion`` to the command line."""
    command = commands.add_parser(
        "completion", help="print the script that completes commands, options and rules"
    )
    command.add_argument("shell", choices=("bash",))
    command.set_defaults(command=completion)


def completion(options: argparse.Namespace) -> None:
    """Print the script for a shell."""
    put(bash_completion(options.parser).rstrip("\n"))


def bash_completion(parser: argparse.ArgumentParser) -> str:
    """Return a script for bash that knows all of a parser with commands."""
    commands = _commands(parser)
    values, options = [], [_line(" -*", _names(parser)), _line(" *", commands)]
    for name, command in commands.items():
        options.append(_line(f"{name} -*", _names(command)))
        for action in command._actions:
            known = _values(action)
            if not action.option_strings and known:
                options.append(_line(f"{name} *", known))
            if action.option_strings and action.nargs != 0:
                values += [_line(f"{name} {option}", known) for option in action.option_strings]
    return _BASH.format(
        commands="|".join(commands), values="\n".join(values), options="\n".join(options)
    )


def _line(case: str, words: Any) -> str:
    """Return a case of the script; a star at the end of it stands for anything."""
    pattern = f'"{case[:-1]}"*' if case.endswith("*") else f'"{case}"'
    return f'        {pattern}) words="{" ".join(words)}" ;;'


def _commands(parser: argparse.ArgumentParser) -> dict[str, argparse.ArgumentParser]:
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            return dict(action.choices)
    raise ValueError("the parser has no commands")


def _names(parser: argparse.ArgumentParser) -> Iterator[str]:
    """Yield the options of a command, by their long names."""
    for action in parser._actions:
        yield from (name for name in action.option_strings if name.startswith("--"))


def _values(action: argparse.Action) -> list[str]:
    """Return what an option or argument takes, where that is a list of words."""
    if action.choices is not None:
        return list(action.choices)
    if re.fullmatch(r"[a-z-]+(\|[a-z-]+)+", str(action.metavar)):
        return str(action.metavar).split("|")
    known = getattr(action.type, "keywords", {})  # of rule_names
    return [*known.get("also", ()), *known.get("known", ())]
