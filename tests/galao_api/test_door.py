"""The waiting room is bounded, fair, and tells when to come again."""

import asyncio
import threading
from collections.abc import Callable

import pytest

from galao_api.body import SMALL_BYTES, HeldBytes
from galao_api.door import Door
from galao_api.problems import Problem

Encode = Callable[..., bytes]


def test_who_does_not_fit_is_refused_with_a_time():
    async def story() -> None:
        door, leave = Door(1, 2), asyncio.Event()

        async def visit() -> None:
            async with door.enter():
                await leave.wait()

        visitors = [asyncio.ensure_future(visit()) for _ in range(3)]
        await asyncio.sleep(0)
        with pytest.raises(Problem) as refused:
            await visit()
        assert refused.value.code == "busy"
        assert refused.value.retry_after_s == 1
        leave.set()
        await asyncio.gather(*visitors)
        async with door.enter():
            assert door.waiting == 0

    asyncio.run(story())


def test_a_visitor_who_gives_up_frees_the_room():
    async def story() -> None:
        door, leave = Door(1, 1), asyncio.Event()

        async def visit() -> None:
            async with door.enter():
                await leave.wait()

        inside, waiting = asyncio.ensure_future(visit()), asyncio.ensure_future(visit())
        await asyncio.sleep(0)
        assert door.waiting == 1
        waiting.cancel()
        await asyncio.sleep(0)
        assert door.waiting == 0
        leave.set()
        await inside

    asyncio.run(story())


def test_without_a_waiting_room_a_free_place_is_still_given():
    async def story() -> None:
        async with Door(1, 0).enter():
            pass

    asyncio.run(story())


def test_the_time_to_come_again_follows_what_a_place_takes():
    async def story() -> int:
        door = Door(1, 1)
        door._inside_s = 7.0
        async with door.enter():
            waiting = asyncio.ensure_future(door.enter().__aenter__())
            await asyncio.sleep(0)
            with pytest.raises(Problem) as refused:
                async with door.enter():
                    pass
            waiting.cancel()
        return refused.value.retry_after_s or 0

    assert asyncio.run(story()) == 7


def test_small_uploads_fit_where_large_ones_do_not():
    held = HeldBytes(9_000_000)
    held.take(5_999_999, 0)
    with pytest.raises(Problem) as refused:
        held.take(10, SMALL_BYTES)
    assert refused.value.code == "busy"
    held.take(1000, 0)
    held.give_back(5_999_999 + 1000)
    assert held.held == 0


def test_a_busy_service_answers_503_and_then_again(make_client, colour_picture: Encode):
    client = make_client(workers=1, waiting_room=0)
    desk = client.app.state.service.desk
    entered, leave = threading.Event(), threading.Event()
    decode = desk._decode

    def slow(*args):
        entered.set()
        leave.wait(10)
        return decode(*args)

    desk._decode = slow
    codes = []
    first = threading.Thread(target=lambda: codes.append(client.post("/v1/predict", content=colour_picture())))
    first.start()
    assert entered.wait(10)
    refused = client.post("/v1/predict", content=colour_picture())
    assert (refused.status_code, refused.json()["code"]) == (503, "busy")
    assert int(refused.headers["retry-after"]) >= 1
    assert client.get("/livez").status_code == 200
    leave.set()
    first.join()
    assert codes[0].status_code == 200
    assert client.post("/v1/predict", content=colour_picture()).status_code == 200


def test_bytes_are_given_back_after_every_request(client, colour_picture: Encode):
    held = next(m.kwargs["held"] for m in client.app.user_middleware if "held" in m.kwargs)
    for content in (colour_picture(), b"", b"x" * 300_000, b"x" * 9_000_000):
        client.post("/v1/predict", content=content)
        client.post("/v1/predict", files={"images": content})
        client.post("/nope", content=content)
        client.post("/v1/predict", content=content, headers={"content-type": "application/json"})
    assert held.held == 0
