"""Weights by name: what matched, what was dropped, what stayed random, and what is refused."""

import functools
import hashlib
import json
import threading
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer

import pytest
import torch
from safetensors.torch import save_file

from galao.errors import WeightsError
from galao.nets.card import default_card, is_noncommercial, preprocessing_of
from galao.nets.source import Source, find_source
from galao.nets.weights import Weights, fit, load_weights, read_state
from galao.nets.zoo import build, head_names

NET = "shufflenet_v2_x0_5"
HEAD = head_names(NET)


@pytest.fixture
def state():
    torch.manual_seed(1)
    return build(NET, 5).state_dict()


def weights(state, labels=()):
    card = default_card("w.safetensors")
    return Weights(state, type(card)(card.source, card.license, card.preprocessing, True, labels))


def test_the_backbone_is_copied_and_the_head_stays_random(state):
    net = build(NET, 3)
    match = fit(net, weights(state), HEAD, ("a", "b", "c"))
    assert torch.equal(net.conv1[0].weight, state["conv1.0.weight"])
    assert set(match.random) == {"fc.weight", "fc.bias"}
    assert set(match.dropped) == {"fc.weight", "fc.bias"}
    assert len(match.matched) == len(state) - 2
    assert f"{len(state) - 2} blobs matched; dropped: fc.weight, fc.bias; random, to be learnt: fc.weight" in str(match)


def test_the_head_is_kept_only_for_the_very_same_labels(state):
    labels = ("a", "b", "c", "d", "e")
    net = build(NET, 5)
    assert fit(net, weights(state, labels), HEAD, labels).random == ()
    assert torch.equal(net.fc.weight, state["fc.weight"])
    assert fit(build(NET, 5), weights(state, labels), HEAD, labels[::-1]).random == ("fc.weight", "fc.bias")


def test_half_precision_is_widened(state):
    net = build(NET, 3)
    fit(net, weights({name: t.half() if t.is_floating_point() else t for name, t in state.items()}), HEAD, ())
    assert net.conv1[0].weight.dtype == torch.float32
    assert torch.allclose(net.conv1[0].weight, state["conv1.0.weight"], atol=1e-3)


def test_a_layer_without_a_namesake_is_an_error(state):
    state.pop("conv1.0.weight")
    with pytest.raises(WeightsError, match=r"has no conv1.0.weight \(1 of the net's"):
        fit(build(NET, 3), weights(state), HEAD, ())


def test_a_layer_of_another_shape_is_an_error(state):
    state["conv1.0.weight"] = torch.zeros(8, 3, 3, 3)
    with pytest.raises(WeightsError, match="conv1.0.weight is 8x3x3x3 in w.safetensors, 24x3x3x3 in the net"):
        fit(build(NET, 3), weights(state), HEAD, ())


def test_pth_files_are_read_with_common_wrappers(state, tmp_path):
    wrapped = {"state_dict": {f"module.{name}": tensor for name, tensor in state.items()}, "epoch": 3}
    torch.save(wrapped, tmp_path / "w.pth")
    assert read_state(tmp_path / "w.pth").keys() == state.keys()


class Evil:
    def __reduce__(self):
        return (print, ("unpickled",))


def test_a_pth_file_with_code_in_it_is_refused_unread(tmp_path, capsys):
    torch.save({"a": Evil()}, tmp_path / "w.pth")
    with pytest.raises(WeightsError, match="holds more than plain tensors"):
        read_state(tmp_path / "w.pth")
    assert "unpickled" not in capsys.readouterr().out


@pytest.mark.parametrize("name", ["w.pth", "w.safetensors"])
def test_a_damaged_file_is_named(tmp_path, name):
    (tmp_path / name).write_bytes(b"\x80garbage" * 50)
    with pytest.raises(WeightsError, match=name):
        read_state(tmp_path / name)


def test_a_pth_file_of_something_else_is_refused(tmp_path):
    torch.save([1, 2, 3], tmp_path / "w.pth")
    with pytest.raises(WeightsError, match="not a state_dict"):
        read_state(tmp_path / "w.pth")


def test_a_safetensors_file_brings_its_card(state, tmp_path):
    save_file({name: t.contiguous() for name, t in state.items()}, tmp_path / "w.safetensors")
    how = preprocessing_of(96, 112)
    card = {"source": "mine", "license": "CC BY-NC 4.0", "commercial": False, "preprocessing": how.to_json()}
    (tmp_path / "w.json").write_text(json.dumps(card))
    source = find_source(str(tmp_path / "w.safetensors"), NET)
    with pytest.raises(WeightsError, match=r"mine may not be used commercially \(CC BY-NC 4.0\)"):
        load_weights(source, NET, allow_noncommercial=False)
    loaded = load_weights(source, NET, allow_noncommercial=True)
    assert loaded.card.preprocessing == how


def test_a_card_that_is_none_is_named(state, tmp_path):
    save_file({"a": torch.zeros(1)}, tmp_path / "w.safetensors")
    (tmp_path / "w.json").write_text("[]")
    with pytest.raises(WeightsError, match="w.json: not a card of weights"):
        load_weights(find_source(str(tmp_path / "w.safetensors"), NET), NET, False)


@pytest.fixture
def server(tmp_path):
    handler = functools.partial(SimpleHTTPRequestHandler, directory=str(tmp_path / "www"))
    handler.log_message = lambda *_: None
    (tmp_path / "www").mkdir()
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as httpd:
        threading.Thread(target=httpd.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{httpd.server_port}", tmp_path / "www"
        httpd.shutdown()


def fake_entry(monkeypatch, url):
    """A weights entry of torchvision whose file lies on the local server."""
    from torchvision.models import ShuffleNet_V2_X0_5_Weights as Real

    monkeypatch.setattr(Real, "url", property(lambda self: url), raising=False)


def test_torchvisions_weights_are_fetched_checked_and_kept(state, server, tmp_path, monkeypatch):
    base, www = server
    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(tmp_path / "hub"))
    torch.save(state, www / "plain.pth")
    digest = hashlib.sha256((www / "plain.pth").read_bytes()).hexdigest()[:8]
    (www / "plain.pth").rename(www / f"net-{digest}.pth")
    fake_entry(monkeypatch, f"{base}/net-{digest}.pth")
    loaded = load_weights(Source("torchvision"), NET, False)
    assert torch.equal(loaded.state["conv1.0.weight"], state["conv1.0.weight"])
    assert (tmp_path / "hub/checkpoints" / f"net-{digest}.pth").is_file()


@pytest.mark.parametrize("content", [b"", b"<html>sign in first</html>"])
def test_a_file_put_by_hand_that_is_another_is_named(server, tmp_path, monkeypatch, content):
    base, _ = server
    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(tmp_path / "hub"))
    (tmp_path / "hub/checkpoints").mkdir(parents=True)
    (tmp_path / "hub/checkpoints/net-01234567.pth").write_bytes(content)
    fake_entry(monkeypatch, f"{base}/net-01234567.pth")
    with pytest.raises(WeightsError, match="net-01234567.pth: not the file that torchvision offers"):
        load_weights(Source("torchvision"), NET, False)


@pytest.mark.parametrize(
    ("licence", "free"), [("CC BY-NC 4.0", False), ("Non-commercial use only", False), ("MIT", True)]
)
def test_a_licence_is_believed_by_its_words(licence, free):
    assert is_noncommercial(licence) is not free


def test_a_download_with_another_hash_is_refused(state, server, tmp_path, monkeypatch):
    base, www = server
    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(tmp_path / "hub"))
    torch.save(state, www / "net-00000000.pth")
    fake_entry(monkeypatch, f"{base}/net-00000000.pth")
    with pytest.raises(WeightsError, match="is damaged"):
        load_weights(Source("torchvision"), NET, False)


def test_without_a_network_one_line_says_what_to_do(tmp_path, monkeypatch):
    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(tmp_path / "hub"))
    fake_entry(monkeypatch, "http://127.0.0.1:9/net-00000000.pth")
    with pytest.raises(WeightsError) as caught:
        load_weights(Source("torchvision"), NET, False)
    message = str(caught.value)
    assert "\n" not in message
    assert "cannot download" in message
    assert f"put it at {tmp_path}/hub/checkpoints/net-00000000.pth" in message
