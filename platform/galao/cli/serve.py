"""``galao serve``: answer pictures over HTTP, with a page for the phone."""

from pathlib import Path

import click


@click.command()
@click.argument("bundle", type=click.Path(path_type=Path), required=False)
@click.option("--host", help="Address to listen on; 0.0.0.0 lets phones in your network in.  [default: 127.0.0.1]")
@click.option("--port", type=int, help="Port to listen on; 0 takes a free one.  [default: 8080]")
@click.option(
    "--backend",
    type=click.Choice(["auto", "onnx", "torch"]),
    help="What runs the net; auto is torch with a GPU, else ONNX Runtime.  [default: auto]",
)
def serve(bundle: Path | None, host: str | None, port: int | None, backend: str | None) -> None:
    """Answer pictures over HTTP with BUNDLE (a bundle's folder, or a finished run's).

    The service starts on this machine only, as it asks nobody for a key: --host 0.0.0.0 is your decision. Every
    other limit is a setting in the environment, such as GALAO_MAX_PICTURE_BYTES=4MiB.
    """
    from galao_api.server import serve as run
    from galao_api.settings import read_settings

    run(read_settings({"bundle": bundle, "host": host, "port": port, "backend": backend}), click.echo)
