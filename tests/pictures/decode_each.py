"""Decode each file named on standard input in a process of its own; one JSON line each: what happened, seconds, MB.

Run by test_odd_images.py. A child per file, so that the peak of memory is that file's and a crash is seen.
"""

import json
import os
import resource
import sys
import time
import warnings
from pathlib import Path

from galao.errors import PictureError
from galao.pictures.decode import Limits, decode

TIME_LIMIT_S = 30


def outcome(path, limits, short_side):
    try:
        decoded = decode(path, limits=limits, short_side=short_side)
    except PictureError as error:
        return {"kind": type(error).__name__, "message": str(error)}
    except BaseException as error:  # the very thing that must not happen
        return {"kind": "FOREIGN", "message": f"{type(error).__name__}: {error}"}
    image = decoded.image
    good = image.mode == "RGB" and image.size == (decoded.width, decoded.height)
    mean = [round(sum(i * n for i, n in enumerate(band.histogram())) / max(1, image.width * image.height), 1)
            for band in image.split()]  # fmt: skip
    return {"kind": "ok" if good else "FOREIGN", "size": image.size, "format": decoded.format, "mean": mean}


def in_child(path, limits, short_side):
    reader, writer = os.pipe()
    start = time.perf_counter()
    child = os.fork()
    if child == 0:
        resource.setrlimit(resource.RLIMIT_CPU, (TIME_LIMIT_S, TIME_LIMIT_S))
        os.write(writer, json.dumps(outcome(path, limits, short_side)).encode()[:60000])
        os._exit(0)
    os.close(writer)
    with os.fdopen(reader, "rb") as pipe:
        said = pipe.read()
    _, status, usage = os.wait4(child, 0)
    found = json.loads(said) if said else {"kind": "CRASH", "message": f"status {status}"}
    return found | {"seconds": time.perf_counter() - start, "mb": usage.ru_maxrss / 1024}


def main():
    warnings.simplefilter("error")
    limits = Limits(**json.loads(sys.argv[1]))
    short_side = json.loads(sys.argv[2])
    for line in sys.stdin:
        path = Path(line.rstrip("\n"))
        print(json.dumps({"file": str(path)} | in_child(path, limits, short_side)), flush=True)


if __name__ == "__main__":
    main()
