"""Print the contract: ``python -m galao_api.openapi > mobile_api/openapi.json``."""

import json
import sys

from galao_api.app import create_app
from galao_api.models import Models
from galao_api.settings import Settings


def contract() -> str:
    """The OpenAPI document as text, as the code generates it."""
    document = create_app(Models([]), Settings()).openapi()
    return json.dumps(document, indent=2, ensure_ascii=False, sort_keys=True) + "\n"


if __name__ == "__main__":
    sys.stdout.write(contract())
