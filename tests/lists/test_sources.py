"""The lists of a job, held against each other."""

import random
from collections import Counter
from pathlib import Path

import pytest

from galao.config.job import Job
from galao.errors import ListError
from galao.lists.sources import hold_back, load_lists
from galao.records import Sample

SOLVER = {"base_lr": 0.1, "lr_policy": "fixed", "max_iter": 1}


@pytest.fixture
def job(tmp_path):
    for k in range(6):
        (tmp_path / f"{k}.jpg").write_bytes(b"x")
    (tmp_path / "train.txt").write_text("".join(f"{k}.jpg {k % 2}\n" for k in range(6)))
    (tmp_path / "labels.txt").write_text("oak\nrose\n")

    def make(net=None, **data):
        fields = {"train": {"source": str(tmp_path / "train.txt")}} | data
        return Job.model_validate({"name": "t", "data": fields, "net": net or {}, "solver": SOLVER})

    return make


def complaint(job):
    with pytest.raises(ListError) as caught:
        load_lists(job, 0)
    return str(caught.value)


def test_labels_beside_the_list_are_found(job):
    assert [label.label for label in load_lists(job(), 0).labels] == ["oak", "rose"]


def test_num_output_must_agree_with_the_labels(job):
    assert load_lists(job(net={"num_output": 2}), 0)
    assert "net.num_output is 3, but there are 2 labels" in complaint(job(net={"num_output": 3}))


def test_a_list_without_labels_is_told_what_to_write(job, tmp_path):
    (tmp_path / "labels.txt").unlink()
    assert "no labels.txt beside this list" in complaint(job())


def test_one_label_only_is_nothing_to_learn(job, tmp_path):
    (tmp_path / "labels.txt").write_text("oak\n")
    assert "one label only (oak)" in complaint(job())


def test_a_label_without_pictures_is_named(job, tmp_path):
    (tmp_path / "labels.txt").write_text("oak\nrose\nelm\n")
    assert "no training picture for 1 of 3 labels (elm)" in complaint(job())


def test_a_source_that_is_not_there_is_named(job, tmp_path):
    assert "data.train.source: nothing at" in complaint(job(train={"source": str(tmp_path / "none")}))


def test_held_back_pictures_are_a_share_of_each_class_and_of_nothing_else():
    samples = [Sample(Path(f"{k}.jpg"), k % 3) for k in range(60)]
    kept, held = hold_back(samples, 0.2, 7)
    assert Counter(s.index for s in held) == {0: 4, 1: 4, 2: 4}
    assert sorted(kept + held, key=samples.index) == samples
    assert hold_back(samples, 0.2, 8)[1] != held


def test_what_is_held_back_does_not_depend_on_the_order_of_the_list():
    samples = [Sample(Path(f"{k}.jpg"), k % 3) for k in range(60)]
    shuffled = random.Random(1).sample(samples, len(samples))
    assert set(hold_back(samples, 0.2, 7)[1]) == set(hold_back(shuffled, 0.2, 7)[1])


def test_a_class_of_one_picture_cannot_give_one_away():
    with pytest.raises(ListError, match="class 0 has 1 picture"):
        hold_back([Sample(Path("a.jpg"), 0)], 0.5, 0)
