"""Nets by name, their heads, and the cards of torchvision's weights."""

import pytest
import torch

from galao.errors import WeightsError
from galao.nets.source import find_source
from galao.nets.zoo import build, head_names, names, torchvision_card


def test_a_net_answers_as_many_logits_as_asked_for():
    net = build("mobilenet_v3_small", 7).eval()
    assert net(torch.zeros(2, 3, 64, 64)).shape == (2, 7)


@pytest.mark.parametrize(
    ("name", "head"),
    [
        ("mobilenet_v3_small", {"classifier.3.weight", "classifier.3.bias"}),
        ("squeezenet1_0", {"classifier.1.weight", "classifier.1.bias"}),
        ("resnet18", {"fc.weight", "fc.bias"}),
        ("densenet121", {"classifier.weight", "classifier.bias"}),
        ("vit_b_16", {"heads.head.weight", "heads.head.bias"}),
        ("inception_v3", {"fc.weight", "fc.bias"}),
        ("googlenet", {"fc.weight", "fc.bias"}),
    ],
)
def test_the_head_is_what_depends_on_the_number_of_classes(name, head):
    assert head_names(name) == head


def test_an_unknown_net_names_the_nearest():
    with pytest.raises(WeightsError, match="no net called 'resnet5'; nearest: resnet50"):
        build("resnet5", 2)


@pytest.mark.slow
def test_every_net_of_torchvision_has_a_head():
    without = [name for name in names() if not head_names(name)]
    assert len(names()) >= 80
    assert without == []


def test_the_card_of_torchvisions_weights_tells_source_and_input():
    _, card = torchvision_card("resnet50", "IMAGENET1K_V2")
    assert "IMAGENET1K_V2" in card.source
    assert (card.preprocessing.crop_size, card.preprocessing.short_side) == (224, 232)
    assert card.preprocessing.mean == pytest.approx((123.675, 116.28, 103.53))
    assert card.preprocessing.scale == pytest.approx((0.01712475, 0.017507, 0.01742919), rel=1e-5)
    assert card.commercial


def test_noncommercial_weights_are_known_as_such():
    _, card = torchvision_card("vit_b_16", "IMAGENET1K_SWAG_E2E_V1")
    assert not card.commercial
    assert "NC" in card.license


def test_weights_that_a_net_does_not_have_are_listed():
    with pytest.raises(WeightsError, match="resnet18 has no IMAGENET1K_V2; it has IMAGENET1K_V1"):
        torchvision_card("resnet18", "IMAGENET1K_V2")


@pytest.mark.parametrize(
    ("weights", "expected"),
    [
        ("imagnet", "did you mean imagenet?"),
        ("none.safetensors", "nothing at none.safetensors"),
        ("models/x", "nothing at models/x"),
    ],
)
def test_weights_that_are_nowhere_are_told_at_once(weights, expected):
    with pytest.raises(WeightsError) as caught:
        find_source(weights, "resnet18")
    assert expected in str(caught.value)


def test_embedded_weights_are_for_one_net():
    with pytest.raises(WeightsError, match="embedded weights exist for .*, not for resnet18"):
        find_source("embedded", "resnet18")


def test_a_folder_without_a_bundle_is_no_source(tmp_path):
    with pytest.raises(WeightsError, match="no bundle.json in"):
        find_source(str(tmp_path), "resnet18")


def test_a_file_of_another_kind_is_no_source(tmp_path):
    (tmp_path / "w.h5").write_bytes(b"x")
    with pytest.raises(WeightsError, match=r"neither .safetensors nor .pth"):
        find_source(str(tmp_path / "w.h5"), "resnet18")
