"""The command line. Results go to standard output, everything else to standard error.

Exit codes: 0 fine, 1 the document or the run has problems, 2 usage or a file that cannot be opened, 130 interrupted.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from llem import __version__, spec

if TYPE_CHECKING:
    from llem.checking import CannotOpen as Unopened
    from llem.checking import Checked
    from llem.machine import Gpus
    from llem.planning import Plan
    from llem.reader import Document

FOR_PEOPLE = ("text", "concise")
FORMATS = (*FOR_PEOPLE, "json", "github", "gitlab", "junit", "sarif")
"""The functions of `llem.formats` that write problems."""


class CannotOpen(click.ClickException):
    """A file that cannot be opened, or a machine that cannot be told."""

    exit_code = 2


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__, prog_name="llem")
def cli() -> None:
    """Configuration of LLM inference experiments: what is valid runs, and what runs is what was asked."""


def main(checked: list[Checked | Unopened] | None = None) -> None:
    """Run the command line; `checked` is what `validate` found already. A user's mistake never ends in a traceback."""
    try:
        cli.main(standalone_mode=False, obj=checked)
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
@click.argument("file", default="experiment.llem.yaml", metavar="[FILE]")
@click.option(
    "--template",
    type=click.Choice(list(spec.templates())),
    default="minimal",
    show_default=True,
    help="What to start from.",
)
@click.option("--force", is_flag=True, help="Overwrite the file.")
def init(file: str, template: str, force: bool) -> None:
    """Write a document to start from, with every setting in it, to FILE (experiment.llem.yaml); - prints it."""
    from llem import starting

    if file.endswith(".json"):
        raise click.UsageError(f"{file}: the document is written in YAML: choose a name that ends in .llem.yaml.")
    try:
        text = starting.modeline(Path(file)) + starting.starter(template)
        if file == "-":
            click.echo(text, nl=False)
            return
        with Path(file).open("w" if force else "x", encoding="utf-8") as target:
            target.write(text)
    except FileExistsError:
        raise CannotOpen(f"{file}: the file exists: choose another name, or overwrite it with --force.") from None
    except OSError as error:
        raise CannotOpen(f"{file}: {error.strerror}") from None
    except ValueError as error:  # a null byte in a name
        raise CannotOpen(f"{file!r}: {error}") from None
    click.echo(f"wrote {file}: see it with `llem explain {file}`", err=True)


@cli.command()
@click.argument("files", nargs=-1, required=True, metavar="FILE…")
@settings
@click.option(
    "--format",
    "style",
    type=click.Choice(FORMATS),
    help="How problems are printed. If not given: text (with the line of the file) at a terminal, else concise.",
)
@click.option("--output", metavar="FILE", help="Write the problems to FILE, and nothing on standard output.")
@click.option("--color", type=click.Choice(["auto", "always", "never"]), default="auto", help="auto: at a terminal.")
@click.option("--strict", is_flag=True, help="Advice is an error too.")
@click.option(
    "--gpu", metavar="GPU", help="Say what does not run on this GPU: sm_80, 8.0, …, or auto for the one here."
)
@click.option(
    "--stdin-filename", default="-", metavar="NAME", help="The name of standard input; with .json, it is JSON."
)
@click.option("-q", "--quiet", is_flag=True, help="Print nothing: the exit code tells.")
@click.option(
    "-v", "--verbose", is_flag=True, help="Also name each file, and below each problem say the reason of its rule."
)
@click.pass_obj
def validate(
    already: list[Checked | Unopened] | None,
    files: Sequence[str],
    settings: Sequence[str],
    style: str | None,
    output: str | None,
    color: str,
    strict: bool,
    gpu: str | None,
    stdin_filename: str,
    quiet: bool,
    verbose: bool,
) -> None:
    """Say everything that is wrong with documents, and exit with 1 when something is.

    A directory stands for the documents below it (*.llem.yaml, *.llem.yml, *.llem.json), a quoted pattern such as
    '**/*.yaml' for the files that match, and - for standard input.
    """
    from llem import checking
    from llem.changing import CannotChange

    if quiet and verbose:
        raise click.UsageError("--quiet and --verbose: choose one of them.")
    style = style or ("text" if sys.stdout.isatty() and not output else "concise")
    unopened: list[checking.CannotOpen] = []
    paths = checking.find(files, unopened.append) if already is None else []
    wish = checking.Wish(settings, _gpus(gpu), strict, style == "text", stdin_filename)
    try:
        done = checking.check_all(paths, wish) if already is None else already
    except CannotChange as error:
        raise click.UsageError(str(error)) from None
    checked = [one for one in done if isinstance(one, checking.Checked)]
    unopened += [one for one in done if isinstance(one, checking.CannotOpen)]
    for unknown in unopened:
        CannotOpen(str(unknown)).show()
    for file in checked if verbose else ():
        click.echo(f"{file.name}: {checking.counted(len(file.problems), 'problem')}", err=True)
    look = {"color": _colored(color, output), "reasons": verbose} if style in FOR_PEOPLE else {}
    troubled = [file for file in checked if file.problems]
    if troubled or style not in FOR_PEOPLE:
        from llem import formats

        printed: str = getattr(formats, style)(checked, **look)
    else:
        printed = ""
    problems = [problem for file in troubled for problem in file.problems]
    count = sum(file.documents for file in checked)
    if output:
        _write(output, printed)
    elif printed and not quiet:
        click.echo(printed, color=True)
    if not quiet and not unopened and (output or not problems):
        where = f": see {output}" if output and problems else ""
        click.echo(f"{checking.summary(count, len(problems))}{where}", err=True)
    failed = any(problem.severity == "error" for problem in problems)
    sys.exit(2 if unopened else 1 if failed else 0)


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
        rows = [row._asdict() for row in plan.settings()]
        click.echo(json.dumps({**plan.to_dict(), "settings": rows}, indent=2, ensure_ascii=False))
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
@click.option(
    "--strict", is_flag=True, help="Advice is an error, and so is a setting of which something else became than asked."
)
def run(file: str, settings: Sequence[str], consent: bool, strict: bool) -> None:
    """Run the experiment, and leave a folder with result.json and outputs.jsonl.

    FILE may also be the result.json of a run: its document is run again.
    """
    plan = _plan(file, settings, consent, strict)
    from llem import record, running
    from llem.interruption import Interruption

    running.print_warnings_plainly()
    with Interruption() as interruption:
        try:
            result = running.execute(
                plan, lambda made: click.echo(f"running, results in {made}", err=True), interruption
            )
        except running.CannotRun as error:
            raise click.ClickException(str(error)) from None
        interruption.never_mind()
    click.echo(record.table(result.content))
    click.echo(str(result.folder / "result.json"))
    failure = result.content["error"]
    if failure:
        click.echo(f"failed: {failure['type']}: {failure['message']} {failure['change']}", err=True)
    for row in result.changed:
        now = json.dumps(row.effective, ensure_ascii=False)
        click.echo(f"changed: {row.path}: asked {json.dumps(row.asked, ensure_ascii=False)}, became {now}", err=True)
    for heard in result.unexplained:
        click.echo(f"unexplained: {heard['logger']}: {' '.join(heard['message'].split())}", err=True)
    if result.status == running.INTERRUPTED:
        click.echo("interrupted: the results so far are kept", err=True)
    fine = 1 if strict and result.changed else 0
    sys.exit({running.FINISHED: fine, running.INTERRUPTED: 130}.get(result.status, 1))


@cli.command()
@click.argument("results", nargs=-1, required=True, metavar="RESULT…")
@click.option(
    "--format", "style", type=click.Choice(["text", "markdown", "csv", "json"]), default="text", help="The form."
)
def report(results: Sequence[str], style: str) -> None:
    """Compare runs: the settings in which they differ, and what was measured.

    A RESULT is a result.json, the folder of a run, or a folder above it.
    """
    from llem import reporting

    try:
        table = reporting.rows(reporting.find(results))
    except reporting.CannotReport as error:
        raise CannotOpen(str(error)) from None
    click.echo(reporting.FORMATS[style](table))


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
@click.option("--preflight", is_flag=True, help="Those that `llem run` judges together with the model and the machine.")
def rules(as_json: bool, preflight: bool) -> None:
    """List the rules, with the reason and the way out of each."""
    from llem import introspection

    rows = introspection.get_preflight_rules() if preflight else introspection.get_validation_rules()
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
@click.argument("file", required=False, metavar="[FILE]")
@settings
@click.option("--json", "as_json", is_flag=True, help="As a JSON object.")
@click.option("--trust-remote-code", "consent", is_flag=True, help="As in `llem run`.")
def doctor(file: str | None, settings: Sequence[str], as_json: bool, consent: bool) -> None:
    """Say what this machine has, and which values of settings do not run on it.

    With FILE: what of that document cannot run here. The configs of its models are read, and nothing is loaded.
    """
    from llem import doctoring

    if file is not None:
        from llem import preflight

        found = preflight.reasons(_plan(file, settings, consent))
        click.echo(json.dumps(found, indent=2, ensure_ascii=False) if as_json else "\n".join(found) or "runs here")
        sys.exit(1 if found else 0)
    report = doctoring.report()
    click.echo(json.dumps(report, indent=2, ensure_ascii=False) if as_json else doctoring.told(report))


@cli.command()
@click.option("--json", "as_json", is_flag=True, help="As a JSON list, with every name.")
@click.option(
    "--transformers",
    "place",
    metavar="WHEEL_OR_FOLDER",
    help="Look at this wheel, or a folder with packages or wheels, in place of what is installed.",
)
def drift(as_json: bool, place: str | None) -> None:
    """Say what the installed libraries take that the specification does not know, or knows otherwise.

    Exits with 1 when nobody decided on a name, or a setting has lost its argument.
    """
    from llem import drifting

    try:
        seen = drifting.look(Path(place) if place else None)
    except drifting.CannotLook as error:
        raise CannotOpen(str(error)) from None
    report = drifting.compare(seen)
    click.echo(json.dumps(report, indent=2, ensure_ascii=False) if as_json else drifting.told(report, seen["versions"]))
    sys.exit(any(drifting.fails(entry) for entry in report))


@cli.command()
@click.option("--editor", "build", flag_value="editor", help="The build for editors: the sentences of the rules.")
@click.option("--draft07", "build", flag_value="draft07", help="The build for validators that know no newer dialect.")
@click.option("--types", "build", flag_value="types", help="The build for code generators: types, no rules.")
@click.option("--path", "as_path", is_flag=True, help="Print where the file is.")
def schema(build: str | None, as_path: bool) -> None:
    """Print the specification as one JSON Schema file."""
    file = spec.published(build or "")
    click.echo(str(file) if as_path else file.read_text(encoding="utf-8"), nl=as_path)


def _write(name: str, text: str) -> None:
    """Write a file as a whole, or leave what is there as it is."""
    content = f"{text}\n".encode(errors="surrogateescape") if text else b""
    try:
        target = Path(os.path.realpath(name))
        if target.exists() and not target.is_file():  # a device or a pipe, such as /dev/stderr
            target.write_bytes(content)
            return
        part = target.with_name(f".{os.getpid()}.part")
        try:
            part.write_bytes(content)
            part.replace(target)
        finally:
            part.unlink(missing_ok=True)
    except (OSError, ValueError) as error:
        raise CannotOpen(f"{name!r}: {getattr(error, 'strerror', None) or error}") from None


def _colored(wish: str, output: str | None) -> bool:
    """Whether to print in color. A terminal shows it, unless its user says not to (https://no-color.org)."""
    if wish == "auto":
        return (
            not output and sys.stdout.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"
        )
    return wish == "always"


def _gpus(name: str | None) -> Gpus | None:
    if name is None:
        return None
    from llem import machine

    try:
        return machine.gpus(name)
    except ValueError as error:
        raise CannotOpen(f"--gpu: {error}") from None


def _plan(name: str, settings: Sequence[str], consent: bool, strict: bool = False) -> Plan:
    """The plan of the one document in a file. Prints its problems, and exits with 1 when it has some.

    With `strict`, advice is a problem.
    """
    from llem import checking, planning, reader, validation

    try:
        names = checking.documents(name)
        if len(names) > 1:
            raise click.UsageError(f"{name} holds {len(names)} documents: name one of them.")
        documents = reader.read(checking.content(names[0]), json=names[0].endswith(".json"))
    except checking.CannotOpen as error:
        raise CannotOpen(str(error)) from None
    if len(documents) > 1:
        raise click.ClickException(f"{names[0]} holds {len(documents)} documents: only `llem validate` takes several.")
    documents[0] = validation.recorded(documents[0])
    _change(documents[0], settings)
    found = validation.check(documents[0], names[0], advice=True)
    if strict:
        found = [replace(problem, severity="error") for problem in found]
    for problem in found:
        click.echo(str(problem), err=True)
    if any(problem.severity == "error" for problem in found):
        sys.exit(1)
    return planning.of(documents[0].data, consent)


def _change(document: Document, settings: Sequence[str]) -> None:
    """Set what the command line asks for, typed like a value in a document."""
    from llem.changing import CannotChange, change

    for setting in settings:
        try:
            change(document, setting)
        except CannotChange as error:
            raise click.UsageError(str(error)) from None
