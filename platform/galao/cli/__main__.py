"""``python -m galao.cli``: the command for those whose PATH does not know it."""

from galao.cli.main import main

main()
