"""The command ``galao``: verbs are imported when they are called, so that ``--help`` costs nothing."""

import importlib
import sys

import click

from galao.errors import GalaoError

VERBS = {  # verb: what it does; each lives in galao/cli/<verb>.py as a click command of the same name
    "train": "Train a net as a job says; ends with a bundle and its test accuracy.",
    "test": "Count right answers of a bundle over a test list, with intervals.",
    "classify": "Name what is on pictures, with a bundle.",
    "serve": "Answer uploads over HTTP, with a bundle.",
    "job": "Check a job file and print it as it will be run.",
}


class _Verbs(click.Group):
    """Loads a verb's module only when the verb is used."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(VERBS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in VERBS:
            return None
        command = getattr(importlib.import_module(f"galao.cli.{cmd_name}"), cmd_name)
        assert isinstance(command, click.Command)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl(list(VERBS.items()))

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if args and args[0] not in VERBS and not args[0].startswith("-"):
            import difflib

            near = difflib.get_close_matches(args[0], VERBS, n=1)
            hint = f"did you mean {near[0]}?" if near else f"there are {', '.join(VERBS)}"
            raise GalaoError(f"{args[0]!r} is not a command; {hint}")
        return super().resolve_command(ctx, args)


@click.group(cls=_Verbs, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="galao", message="%(prog)s %(version)s")
def cli() -> None:
    """From folders of labelled photos to a phone app that names what it sees."""


def main() -> None:
    """Run a verb; a user's mistake is one line on stderr and exit code 1."""
    try:
        code = cli.main(standalone_mode=False)
    except GalaoError as error:
        click.echo(f"galao: {' '.join(str(error).split())}", err=True)
        sys.exit(1)
    except click.ClickException as error:
        command = error.ctx.command_path if isinstance(error, click.UsageError) and error.ctx else "galao"
        click.echo(f"galao: {' '.join(error.format_message().split())} (see {command} --help)", err=True)
        sys.exit(error.exit_code)
    except (click.Abort, KeyboardInterrupt):
        click.echo("galao: interrupted", err=True)
        sys.exit(130)
    except BrokenPipeError:
        sys.stderr.close()
        sys.exit(141)
    except MemoryError:
        click.echo("galao: the memory is full; use smaller batches, pictures or nets", err=True)
        sys.exit(1)
    except OSError as error:
        what = f"{error.filename}: {error.strerror}" if error.filename else str(error)
        click.echo(f"galao: {what}; choose another place or mend its permissions", err=True)
        sys.exit(1)
    sys.exit(code if isinstance(code, int) else 0)
