"""Batches in an order that seed and iteration alone decide; broken pictures as the job chooses."""

from itertools import islice

import numpy as np
import pytest
import torch

from galao.config.data import TrainPhase
from galao.data.loader import EpochOrder, Loader, Skipped, normalise
from galao.errors import ListError, PictureError
from galao.lists.listfile import read_list
from galao.pictures.decode import decode
from galao.pictures.prepare import Preprocessing, prepare

HOW = Preprocessing(crop_size=32, short_side=36, mean=(120.0, 110.0, 100.0), scale=(0.02, 0.018, 0.016))


@pytest.fixture(scope="module")
def samples(tmp_path_factory, write_stripes):
    return read_list(write_stripes(tmp_path_factory.mktemp("stripes"), {"train": 7}) / "train.txt")


@pytest.fixture
def loader():
    with Loader(HOW, Skipped(False, print), 2) as made:
        yield made


def phase(**fields):
    return TrainPhase.model_validate({"source": "x", "batch_size": 4, **fields})


def test_every_picture_comes_once_an_epoch_and_batches_run_on_across_its_end(loader, samples):
    batches = list(islice(loader.train_batches(samples, phase(), 1, 0), 21))
    targets = torch.cat([batch.targets for batch in batches]).tolist()
    assert all(len(batch.targets) == 4 for batch in batches)
    for epoch in range(4):
        assert sorted(targets[21 * epoch : 21 * (epoch + 1)]) == [0] * 7 + [1] * 7 + [2] * 7
    assert targets[:21] != targets[21:42]


def test_batch_k_is_the_same_whether_one_starts_there_or_at_the_beginning(loader, samples):
    options = phase(transform_param={"mirror": True, "random_area": (0.4, 1.0)})
    unbroken = list(islice(loader.train_batches(samples, options, 5, 0), 12))
    resumed = list(islice(loader.train_batches(samples, options, 5, 9), 3))
    for whole, part in zip(unbroken[9:], resumed, strict=True):
        assert torch.equal(whole.images, part.images)
        assert torch.equal(whole.targets, part.targets)


def test_without_shuffle_the_order_is_the_lists(loader, samples):
    batch = next(loader.train_batches(samples, phase(shuffle=False, batch_size=21), 1, 0))
    assert batch.targets.tolist() == [s.index for s in samples]


def test_seeds_give_different_orders_of_the_same_pictures():
    orders = [[EpochOrder(50, seed).at(0, k) for k in range(50)] for seed in (1, 2)]
    assert orders[0] != orders[1]
    assert sorted(orders[0]) == sorted(orders[1]) == list(range(50))


def test_test_batches_hold_every_picture_once_in_list_order(loader, samples):
    batches = list(loader.test_batches(samples, 4))
    assert [len(batch.targets) for batch in batches] == [4, 4, 4, 4, 4, 1]
    assert torch.cat([batch.targets for batch in batches]).tolist() == [s.index for s in samples]


def test_training_tests_on_the_very_array_that_serving_prepares(loader, samples):
    batch = next(loader.test_batches(samples, 3))
    mean, scale = (torch.tensor(v).view(1, 3, 1, 1) for v in (HOW.mean, HOW.scale))
    served = np.stack([prepare(decode(s.path, short_side=HOW.decode_side).image, HOW) for s in samples[:3]])
    assert np.array_equal(normalise(batch.images, mean, scale).numpy(), served)


@pytest.fixture
def broken(tmp_path, write_stripes):
    folder = write_stripes(tmp_path, {"train": 2})
    path = folder / "train_1_0.png"
    path.write_bytes(path.read_bytes()[:200])
    return read_list(folder / "train.txt")


def test_a_broken_picture_ends_the_run_naming_it(loader, broken):
    with pytest.raises(PictureError, match=r"train_1_0.png.*data.broken_picture=skip"):
        list(islice(loader.train_batches(broken, phase(), 1, 0), 4))
    with pytest.raises(PictureError, match="train_1_0.png"):
        list(loader.test_batches(broken, 4))


def test_a_broken_picture_is_skipped_counted_and_told_once(broken):
    told = []
    skipped = Skipped(True, told.append)
    with Loader(HOW, skipped, 2) as loader:
        batches = list(islice(loader.train_batches(broken, phase(), 1, 0), 6))
        tested = list(loader.test_batches(broken, 4))
    assert all(len(batch.targets) == 4 for batch in batches)
    assert sum(len(batch.targets) for batch in tested) == 5
    assert [path.name for path in skipped.reasons] == ["train_1_0.png"]
    assert len(told) == 1


def test_a_list_of_broken_pictures_only_is_an_error(broken):
    for sample in broken:
        sample.path.write_bytes(b"no picture")
    with (
        Loader(HOW, Skipped(True, lambda _: None), 1) as loader,
        pytest.raises(ListError, match="none of the training"),
    ):
        next(loader.train_batches(broken, phase(), 1, 0))
