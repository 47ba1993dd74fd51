"""The command line. Results go to standard output, everything else to standard error.

Exit codes: 0 fine, 1 the document or the run has problems, 2 usage or a file that cannot be opened, 130 interrupted.
"""

from __future__ import annotations

import json
import signal
import sys
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from llem import __version__

if TYPE_CHECKING:
    from llem.planning import Plan
    from llem.reader import Document
    from llem.validation import Problem

SUFFIXES = (".llem.yaml", ".llem.yml", ".llem.json")


class CannotOpen(click.ClickException):
    """A file that cannot be opened."""

    exit_code = 2


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__, prog_name="llem")
def cli() -> None:
    """Configuration of LLM inference experiments: what is valid runs, and what runs is what was asked."""


def main() -> None:
    """Run the command line; a user's mistake never ends in a traceback."""
    try:
        cli.main(standalone_mode=False)
    except click.exceptions.Abort:
        click.echo("interrupted", err=True)
        sys.exit(130)
    except click.exceptions.Exit as stop:
        sys.exit(stop.exit_code)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except BrokenPipeError:
        sys.stderr.close()
        sys.exit(0)


settings = click.option(
    "--set", "settings", multiple=True, metavar="PATH=VALUE", help="Set one setting, for example decoder.temperature=0."
)


@cli.command()
@click.argument("files", nargs=-1, required=True, metavar="FILE…")
@settings
@click.option(
    "--format", "style", type=click.Choice(["text", "json"]), default="text", help="How problems are printed."
)
@click.option("--strict", is_flag=True, help="Advice counts as a problem too.")
def validate(files: Sequence[str], settings: Sequence[str], style: str, strict: bool) -> None:
    """Say everything that is wrong with documents, a line each.

    A directory stands for the documents below it (*.llem.yaml, *.llem.yml, *.llem.json), - for standard input.
    """
    from llem import validation

    found: list[Problem] = []
    unopened = 0
    count = 0
    for name in files:
        try:
            for path in _documents(name):
                for document in _read(path):
                    count += 1
                    _change(document, settings)
                    found += validation.check(document, path, advice=True)
        except CannotOpen as error:
            error.show()
            unopened += 1
    if style == "json":
        keys = ("file", "line", "column", "path", "rule", "severity", "message")
        click.echo(json.dumps([{key: asdict(one)[key] for key in keys} for one in found], indent=2, ensure_ascii=False))
    else:
        for problem in found:
            click.echo(str(problem))
    bad = [problem for problem in found if strict or problem.severity == "error"]
    if not found and not unopened:
        click.echo(f"{count} document{'s' if count != 1 else ''}: no problems", err=True)
    sys.exit(2 if unopened else 1 if bad else 0)


@cli.command()
@click.argument("file", metavar="FILE")
@settings
@click.option(
    "--as", "style", type=click.Choice(["text", "json", "python"]), default="text", help="The form of the plan."
)
@click.option("--trust-remote-code", "consent", is_flag=True, help="As in `llem run`.")
def explain(file: str, settings: Sequence[str], style: str, consent: bool) -> None:
    """Print the plan: the exact calls, where each argument comes from, and what will have no effect."""
    plan = _plan(file, settings, consent)
    if style == "json":
        click.echo(json.dumps(plan.to_dict(), indent=2, ensure_ascii=False))
    elif style == "python":
        from llem.datasets import DatasetError
        from llem.script import script

        try:
            click.echo(script(plan), nl=False)
        except (DatasetError, ValueError) as error:
            raise click.ClickException(str(error)) from None
    else:
        from llem.explaining import explained

        click.echo(explained(plan))


@cli.command()
@click.argument("file", metavar="FILE")
@settings
@click.option("--trust-remote-code", "consent", is_flag=True, help="Consent to code that comes with the model.")
def run(file: str, settings: Sequence[str], consent: bool) -> None:
    """Run the experiment, and leave a folder with result.json and outputs.jsonl."""
    plan = _plan(file, settings, consent)
    from llem import record, running

    signal.signal(signal.SIGTERM, signal.default_int_handler)
    running.print_warnings_plainly()
    try:
        result = running.execute(plan, started=lambda folder: click.echo(f"running, results in {folder}", err=True))
    except running.CannotRun as error:
        raise click.ClickException(str(error)) from None
    except OSError as error:
        raise CannotOpen(f"{error.filename or file}: {error.strerror or error}") from None
    click.echo(record.table(result.content))
    click.echo(str(result.folder / "result.json"))
    failure = result.content["error"]
    if failure:
        click.echo(f"failed: {failure['type']}: {failure['message']} {failure['change']}", err=True)
    if result.status == running.INTERRUPTED:
        click.echo("interrupted: the results so far are kept", err=True)
    sys.exit({running.FINISHED: 0, running.INTERRUPTED: 130}.get(result.status, 1))


@cli.command()
@click.option("--json", "as_json", is_flag=True, help="As a JSON list.")
@click.argument("prefix", default="", metavar="[PATH]")
def fields(prefix: str, as_json: bool) -> None:
    """List the settings, or those whose path begins with PATH."""
    from llem import introspection

    rows = [row for row in introspection.fields_table() if row["path"].startswith(prefix)]
    if as_json:
        click.echo(json.dumps(rows, indent=2, ensure_ascii=False))
        return
    for row in rows:
        default = "" if row["default"] in (None, {}) else f" (default {json.dumps(row['default'])})"
        click.echo(f"{row['path']}: {row['type']}{default}\n    {row['description']}")


@cli.command()
@click.option("--json", "as_json", is_flag=True, help="As a JSON list.")
def rules(as_json: bool) -> None:
    """List the rules, with the reason and the way out of each."""
    from llem import introspection

    rows = introspection.get_validation_rules()
    if as_json:
        click.echo(json.dumps(rows, indent=2, ensure_ascii=False))
        return
    for row in rows:
        click.echo(
            f"{row['id']} ({row['backend']}): {row['combination']}\n    {row['reason']}\n    {row['resolution']}"
        )


@cli.command()
@click.option("--json", "as_json", is_flag=True, help="As a JSON object.")
def matrix(as_json: bool) -> None:
    """Print what each engine can do."""
    from llem import introspection

    if as_json:
        click.echo(json.dumps(introspection.get_backend_capabilities(), indent=2))
    else:
        click.echo(introspection.get_capability_matrix_markdown())


@cli.command()
@click.option("--path", "as_path", is_flag=True, help="Print where the file is.")
def schema(as_path: bool) -> None:
    """Print the specification as one JSON Schema file."""
    from importlib.resources import files

    bundle = files("llem.generated").joinpath("llem.schema.json")
    click.echo(str(bundle) if as_path else bundle.read_text(encoding="utf-8"), nl=as_path)


def _documents(name: str) -> Iterator[str]:
    """The files that an argument stands for."""
    path = Path(name)
    if not path.is_dir():
        yield name
        return
    found = sorted(str(file) for file in path.rglob("*") if file.name.endswith(SUFFIXES) and file.is_file())
    if not found:
        raise CannotOpen(f"{name}: no documents in this directory: their names end in {', '.join(SUFFIXES)}.")
    yield from found


def _read(name: str) -> list[Document]:
    from llem import reader

    try:
        content = sys.stdin.buffer.read() if name == "-" else Path(name).read_bytes()
    except OSError as error:
        raise CannotOpen(f"{name}: {error.strerror}") from None
    except ValueError as error:  # a null byte in a name
        raise CannotOpen(f"{name!r}: {error}") from None
    return reader.read(content, json=name.endswith(".json"))


def _plan(name: str, settings: Sequence[str], consent: bool) -> Plan:
    """The plan of the one document in a file. Prints its problems and exits with 1 when it has some."""
    from llem import planning, validation

    names = list(_documents(name))
    if len(names) > 1:
        raise click.UsageError(f"{name} holds {len(names)} documents: name one of them.")
    documents = _read(names[0])
    if len(documents) > 1:
        raise click.ClickException(f"{names[0]} holds {len(documents)} documents: only `llem validate` takes several.")
    _change(documents[0], settings)
    found = validation.check(documents[0], names[0], advice=True)
    for problem in found:
        click.echo(str(problem), err=True)
    if any(problem.severity == "error" for problem in found):
        sys.exit(1)
    return planning.of(documents[0].data, consent)


def _change(document: Document, settings: Sequence[str]) -> None:
    """Set what the command line asks for, typed like a value in a document."""
    from llem import reader, resolution

    for setting in settings:
        path, equals, text = setting.partition("=")
        if not equals or not path:
            raise click.UsageError(f"--set {setting}: write PATH=VALUE, for example decoder.temperature=0.")
        value: Any = reader.read(text.encode())[0]
        if value.faults and text.strip():
            raise click.UsageError(f"--set {setting}: {value.faults[0].message}")
        if isinstance(document.data, dict):
            try:
                resolution.put(document.data, tuple(path.split(".")), value.data)
            except AttributeError:
                raise click.UsageError(f"--set {setting}: `{path}` is not inside a mapping.") from None
