"""Forms read into memory: any cut of the bytes gives the same parts, and rubbish gives a problem."""

from contextlib import contextmanager
from itertools import pairwise
from unittest import mock

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from galao_api.multipart import MAX_PARTS, FormReader
from galao_api.problems import Problem

TYPE = "multipart/form-data; boundary=xyz"
BODY = (
    b'--xyz\r\nContent-Disposition: form-data; name="note"\r\n\r\nhello\r\n'
    b'--xyz\r\nContent-Disposition: form-data; name="images"; filename="a.jpg"\r\n'
    b"Content-Type: image/jpeg\r\n\r\n\r\n--xy\r\nbytes\r\n"
    b"--xyz\r\ncontent-disposition: form-data; name=images\r\n\r\n\r\n--xyz--\r\n"
)


@contextmanager
def nothing_but_a_problem():
    try:
        yield
    except Problem as problem:
        if problem.code != "malformed":
            raise


def read(body: bytes, cuts: list[int], limit: int = 100) -> FormReader:
    reader = FormReader(TYPE, {"images": limit})
    places = [0, *sorted(cut % (len(body) + 1) for cut in cuts), len(body)]
    for start, end in pairwise(places):
        reader.feed(body[start:end])
    reader.finish()
    return reader


@given(st.lists(st.integers(0, 10_000), max_size=30))
def test_any_cut_of_the_body_gives_the_same_parts(cuts: list[int]):
    reader = read(BODY, cuts)
    assert [(part.name, bytes(part.data), part.size) for part in reader.parts] == [
        ("images", b"\r\n--xy\r\nbytes", 13),
        ("images", b"", 0),
    ]
    assert reader.skipped == ["note"]


@settings(max_examples=300)
@given(
    st.binary(max_size=200),
    st.sampled_from([b"", b"--xyz\r\n", b'--xyz\r\nContent-Disposition: form-data; name="images"\r\n']),
)
def test_rubbish_is_a_problem_or_a_form_but_nothing_else(rubbish: bytes, start: bytes):
    with nothing_but_a_problem():
        read(start + rubbish, [])


@settings(max_examples=300)
@given(st.integers(0, len(BODY) - 1), st.integers(0, 255))
def test_one_wrong_byte_is_a_problem_or_a_form(place: int, byte: int):
    with nothing_but_a_problem():
        read(BODY[:place] + bytes([byte]) + BODY[place + 1 :], [])


@settings(max_examples=200)
@given(st.text(alphabet=st.characters(codec="latin-1"), max_size=80))
def test_any_content_type_is_a_problem_or_a_reader(parameters: str):
    with nothing_but_a_problem():
        FormReader(f"multipart/form-data;{parameters}", {})


def test_of_a_part_over_its_limit_nothing_is_kept():
    reader = read(BODY, [], limit=5)
    assert (reader.parts[0].size, bytes(reader.parts[0].data)) == (13, b"")


def test_a_form_that_ends_early_is_malformed():
    for length in range(len(BODY) - 4):
        with pytest.raises(Problem, match=r"closing boundary|not valid"):
            read(BODY[:length], [])


def test_too_many_parts_are_refused_while_they_arrive():
    reader = FormReader(TYPE, {})
    part = b'--xyz\r\nContent-Disposition: form-data; name="a"\r\n\r\nx\r\n'
    reader.feed(part * MAX_PARTS)
    with pytest.raises(Problem, match=f"more than {MAX_PARTS} parts"):
        reader.feed(part)


def test_no_part_touches_the_disk():
    body = b'--xyz\r\nContent-Disposition: form-data; name="images"; filename="a"\r\n\r\n' + b"x" * 5_000_000
    with mock.patch("tempfile.SpooledTemporaryFile", side_effect=AssertionError("spooled")):
        reader = read(body + b"\r\n--xyz--\r\n", [], limit=8_000_000)
    assert len(reader.parts[0].data) == 5_000_000
