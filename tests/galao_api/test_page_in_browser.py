"""The phone page in a real browser: a photo goes in, five answers come out, nothing is fetched from elsewhere."""

import io
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from PIL import Image

pytestmark = pytest.mark.browser
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
SIZES = {"phone": (390, 844), "desk": (1366, 850)}
REMEMBER_WHAT_IS_SENT = """
const fetchIt = window.fetch;
window.fetch = (url, options) => { window.sent = options?.body ?? window.sent; return fetchIt(url, options); };
"""
RED_TOP = (220, 20, 20)


@pytest.fixture(scope="module")
def browser() -> Iterator:
    if CHROMIUM is None:
        pytest.skip("chromium is not installed")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield opened
        opened.close()


@pytest.fixture
def open_page(browser, live) -> Iterator[Callable]:
    """A function that opens the page: ``open_page("phone", "dark")``; at the end nothing may have gone elsewhere."""
    contexts, strangers, complaints = [], [], []

    def watch(request) -> None:
        if not request.url.startswith((live.url, "blob:", "data:")):
            strangers.append(request.url)

    def run(size: str = "phone", scheme: str = "light"):
        width, height = SIZES[size]
        touch = size == "phone"
        context = browser.new_context(
            viewport={"width": width, "height": height}, color_scheme=scheme, has_touch=touch, is_mobile=touch
        )
        contexts.append(context)
        page = context.new_page()
        page.on("request", watch)
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("console", lambda m: "Content Security Policy" in m.text and complaints.append(m.text))
        page.add_init_script(REMEMBER_WHAT_IS_SENT)
        page.goto(live.url + "/")
        return page

    yield run
    for context in contexts:
        context.close()
    assert strangers == []
    assert complaints == []


def photo(folder: Path, size: tuple[int, int] = (2400, 1600), orientation: int = 1, kind: str = "JPEG") -> Path:
    """A photo, red on top and blue below, as stored; GPS in its EXIF."""
    image = Image.effect_noise(size, 60).convert("RGB")
    image.paste(RED_TOP, (0, 0, size[0], size[1] // 2))
    image.paste((20, 20, 220), (0, size[1] // 2, *size))
    exif = Image.Exif()
    exif[0x0112] = orientation
    exif.get_ifd(0x8825)[1] = "N"
    path = folder / f"photo.{kind.lower()}"
    image.save(path, kind, exif=exif, **({"quality": 95} if kind == "JPEG" else {}))
    return path


def send(page, path: Path) -> bytes:
    """Choose a photo and wait for the answer; the bytes that were sent."""
    page.set_input_files("#choose", path)
    page.wait_for_selector("main[data-state=done]")
    return bytes(page.evaluate("sent.arrayBuffer().then(buffer => [...new Uint8Array(buffer)])"))


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", SIZES)
def test_a_photo_gets_five_answers_with_bars(open_page: Callable, tmp_path: Path, size: str, scheme: str):
    page = open_page(size, scheme)
    send(page, photo(tmp_path))
    rows = page.locator("#results .row")
    assert rows.count() == 5
    shares = [float(text.strip("<% \n")) for text in page.locator(".share").all_inner_texts()]
    assert shares == sorted(shares, reverse=True)
    widths = page.locator(".fill").evaluate_all("fills => fills.map(fill => fill.getBoundingClientRect().width)")
    assert widths == sorted(widths, reverse=True)
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    dark = page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(16, 22, 18)"
    assert dark is (scheme == "dark")


def test_the_photo_is_shrunk_turned_upright_and_rid_of_its_place(open_page: Callable, tmp_path: Path):
    original = photo(tmp_path, orientation=6)  # turn right by 90 degrees to see it upright
    sent = send(open_page(), original)
    assert len(sent) < original.stat().st_size / 5
    with Image.open(io.BytesIO(sent)) as image:
        assert image.format in {"WEBP", "JPEG"}
        assert image.size == (448, 672)
        assert not image.getexif()
        red, _, blue = image.convert("RGB").getpixel((380, 300))
    assert red > 180 > blue  # what was on top is on the right


def test_a_small_photo_is_not_enlarged(open_page: Callable, tmp_path: Path):
    sent = send(open_page(), photo(tmp_path, (300, 200)))
    with Image.open(io.BytesIO(sent)) as image:
        assert image.size == (300, 200)


def test_a_small_drawing_is_sent_as_it_is(open_page: Callable, tmp_path: Path):
    path = tmp_path / "drawing.png"
    Image.new("RGB", (900, 900), "red").save(path)
    assert send(open_page(), path) == path.read_bytes()


def test_what_is_no_photo_is_said_in_words(open_page: Callable, tmp_path: Path):
    path = tmp_path / "note.txt"
    path.write_text("no photo at all. " * 50)
    page = open_page()
    page.set_input_files("#choose", path)
    page.wait_for_selector("main[data-state=trouble]")
    assert "not a photo" in page.inner_text("#error-detail")
    assert page.locator("#again").is_hidden()
    send(page, photo(tmp_path))
    assert page.locator("#error").is_hidden()


def test_a_server_that_is_gone_is_said_in_words_and_may_be_tried_again(open_page: Callable, tmp_path: Path):
    page = open_page()
    page.wait_for_selector("#model:not(:empty)")
    page.route("**/v1/predict*", lambda route: route.abort())
    page.set_input_files("#choose", photo(tmp_path))
    page.wait_for_selector("main[data-state=trouble]")
    assert "cannot be reached" in page.inner_text("#error-title")
    page.unroute("**/v1/predict*")
    page.click("#again")
    page.wait_for_selector("main[data-state=done]")


def test_a_busy_server_is_said_in_words(open_page: Callable, tmp_path: Path):
    page = open_page()
    busy = '{"code": "busy", "status": 503, "title": "The service is busy", "detail": "x", "request_id": "1"}'
    page.route(
        "**/v1/predict*",
        lambda route: route.fulfill(
            status=503, body=busy, content_type="application/problem+json", headers={"Retry-After": "3"}
        ),
    )
    page.set_input_files("#choose", photo(tmp_path))
    page.wait_for_selector("main[data-state=trouble]")
    assert "3 s" in page.inner_text("#error-detail")
    assert page.locator("#again").is_visible()


def test_the_page_can_be_used_by_keyboard_alone(open_page: Callable):
    page = open_page("desk")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.id") == "choose"
    outline = page.evaluate("getComputedStyle(document.querySelector('label[for=choose]')).outlineStyle")
    assert outline == "solid"
