"""What learns how fast, by name pattern."""

import pytest
from torch import nn

from galao.config.net import NetConfig
from galao.errors import JobError
from galao.nets.surgery import freeze, multipliers
from galao.nets.zoo import build, head_names


@pytest.fixture(scope="module")
def net():
    return build("mobilenet_v3_small", 4)


def rates(net, layer_decay=1.0, **fields):
    return multipliers(net, NetConfig.model_validate(fields), layer_decay)


def test_a_later_pattern_wins(net):
    found = rates(
        net,
        param=(
            {"name": "*", "lr_mult": 0.5},
            {"name": "classifier.3.*", "lr_mult": 10.0},
            {"name": "*.bias", "decay_mult": 0.0},
        ),
    )
    assert found["features.0.0.weight"] == (0.5, 1.0)
    assert found["classifier.3.weight"] == (10.0, 1.0)
    assert found["classifier.3.bias"] == (1.0, 0.0)


def test_a_pattern_that_matches_nothing_is_an_error(net):
    with pytest.raises(
        JobError,
        match=r"net.param.0.name: 'head.\*' matches no parameter; names look like features.0.0.weight, or say head",
    ):
        rates(net, param=({"name": "head.*"},))


def test_the_word_head_stands_for_what_depends_on_the_classes(net):
    config = NetConfig.model_validate({"param": ({"name": "head", "lr_mult": 10.0},)})
    found = multipliers(net, config, head=head_names("mobilenet_v3_small"))
    assert {name for name, (lr, _) in found.items() if lr == 10} == {"classifier.3.weight", "classifier.3.bias"}


def test_freezing_all_is_an_error(net):
    with pytest.raises(JobError, match="leave nothing to learn"):
        rates(net, freeze=("*",))


def test_layer_decay_falls_from_the_head_to_the_input(net):
    found = rates(net, layer_decay=0.5)
    blocks = ["features.0.0.weight", "features.1.block.0.0.weight", "classifier.0.weight", "classifier.3.weight"]
    values = [found[name][0] for name in blocks]
    assert values[-1] == 1.0
    assert values[-2] == 0.5
    assert values[0] == values[1] / 2 == 0.5**14
    assert found["features.1.block.0.0.weight"] == found["features.1.block.0.1.weight"]


def test_the_blocks_of_a_transformer_decay_one_by_one():
    vit = build("vit_b_32", 2)
    found = multipliers(vit, NetConfig(), 0.5)
    layer = "encoder.layers.encoder_layer_{}.mlp.0.weight"
    assert found[layer.format(10)][0] == found[layer.format(11)][0] / 2


def test_frozen_batch_norm_keeps_its_statistics(net):
    still = freeze(net, rates(net, freeze=("features.*",)))
    norms = [m for m in net.modules() if isinstance(m, nn.BatchNorm2d)]
    assert len(still) == len(norms)
    assert not net.features[0][0].weight.requires_grad
    assert net.classifier[3].weight.requires_grad
    assert freeze(net, rates(net)) == []
    assert len(freeze(net, rates(net), use_global_stats=True)) == len(norms)
