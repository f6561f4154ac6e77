"""``galao job``: check a job file without running it."""

from pathlib import Path

import click


@click.command()
@click.argument("job_file", metavar="JOB", required=False, type=click.Path(path_type=Path))
@click.argument("overrides", nargs=-1, metavar="[KEY.KEY=VALUE]...")
@click.option("--schema", is_flag=True, help="Print the JSON Schema of jobs instead (no JOB).")
def job(job_file: Path | None, overrides: tuple[str, ...], schema: bool) -> None:
    """Check JOB, a YAML file such as configs/quickstart/job.yaml, and print it with every field filled in."""
    if schema:
        from galao.config.schema import json_schema

        click.echo(json_schema(), nl=False)
        return
    from galao.config.load import dump_job, load_job

    if job_file is None:
        raise click.UsageError("Missing argument 'JOB'.", click.get_current_context())
    click.echo(dump_job(load_job(job_file, overrides)), nl=False)
