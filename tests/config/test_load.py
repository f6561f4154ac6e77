"""Job files: what is read, and what each mistake is told."""

import textwrap

import pytest

from galao.config.load import dump_job, load_job
from galao.errors import JobError

GOOD = """\
name: tiny
data:
  train:
    source: train.txt
    batch_size: 8
solver:
  base_lr: 1e-3
  lr_policy: fixed
  max_iter: 10
"""


@pytest.fixture
def write(tmp_path):
    def write_job(text):
        path = tmp_path / "job.yaml"
        path.write_text(textwrap.dedent(text), encoding="utf-8")
        return path

    return write_job


def complaint(path, *overrides):
    with pytest.raises(JobError) as caught:
        load_job(path, overrides)
    message = str(caught.value)
    assert "\n" not in message
    return message


def test_caffes_defaults_are_kept(write):
    solver = load_job(write(GOOD)).solver
    assert (solver.type, solver.momentum, solver.momentum2, solver.rms_decay, solver.delta) == (
        "SGD",
        0,
        0.999,
        0.99,
        1e-8,
    )
    assert (solver.iter_size, solver.average_loss, solver.display, solver.snapshot) == (1, 1, 0, 0)
    assert (solver.test_initialization, solver.snapshot_after_train, solver.random_seed) == (True, True, -1)
    assert (solver.clip_gradients, solver.regularization_type, solver.weight_decay) == (-1, "L2", 0)


def test_scientific_notation_is_a_number(write):
    assert load_job(write(GOOD)).solver.base_lr == 1e-3
    assert load_job(write(GOOD.replace("1e-3", ".5E-2"))).solver.base_lr == 0.005


def test_a_dumped_job_reads_back_equal(write, tmp_path):
    job = load_job(write(GOOD), ["net.param=[{name: '*.bias', lr_mult: 2, decay_mult: 0}]", "data.val_fraction=0.2"])
    again = tmp_path / "again.yaml"
    again.write_text(dump_job(job), encoding="utf-8")
    assert load_job(again) == job


def test_text_that_looks_like_a_number_is_dumped_in_quotes(write, tmp_path):
    job = load_job(write(GOOD), ['deploy.version="12e4567"'])
    again = tmp_path / "again.yaml"
    again.write_text(dump_job(job), encoding="utf-8")
    assert load_job(again).deploy.version == "12e4567"


def test_a_file_that_is_not_there_is_told_with_line_field_and_the_nearest_name(write, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "train.txt").write_text("a.jpg 0\n")
    path = write(GOOD.replace("train.txt", "trains.txt"))
    with pytest.raises(
        JobError, match=r"job.yaml:4: data.train.source: nothing at trains.txt; did you mean train.txt\?"
    ):
        load_job(path, files=True)
    with pytest.raises(JobError, match=r"command line: data.labels: nothing at labels.txt; relative paths start at"):
        load_job(write(GOOD), ["data.labels=labels.txt"], files=True)
    assert load_job(write(GOOD), ["net.weights=imagenet"], files=True)


def test_overrides_reach_every_depth(write):
    job = load_job(
        write(GOOD),
        [
            "solver.base_lr=0.5",
            "data.transform_param.crop_size=64",
            "net.freeze=[features.*]",
            "data.train.shuffle=false",
        ],
    )
    assert job.solver.base_lr == 0.5
    assert job.data.transform_param.crop_size == 64
    assert job.net.freeze == ("features.*",)
    assert job.data.train.shuffle is False


def test_an_override_reaches_into_a_list(write):
    path = write(GOOD + "net:\n  param:\n    - {name: a}\n    - {name: b}\n")
    assert load_job(path, ["net.param.1.lr_mult=3"]).net.param[1].lr_mult == 3


def test_only_true_and_false_are_booleans(write):
    message = complaint(write(GOOD.replace("batch_size: 8", "shuffle: no")))
    assert 'job.yaml:5: data.train.shuffle: must be a valid boolean, got "no"; only true and false' in message


def test_a_leading_zero_is_not_octal(write):
    assert 'data.train.batch_size: must be a valid integer, got "010"' in complaint(
        write(GOOD.replace("size: 8", "size: 010"))
    )


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (
            ("batch_size: 8", "batchsize: 8"),
            "job.yaml:5: data.train.batchsize: is not a field of a job; did you mean batch_size?",
        ),
        (
            ("batch_size: 8", "base_lr: 8"),
            "job.yaml:5: data.train.base_lr: is not known here; it belongs at solver.base_lr",
        ),
        (("batch_size: 8", "batch_size: 8.5"), "job.yaml:5: data.train.batch_size: must be a valid integer"),
        (("batch_size: 8", "batch_size: 8\n    batch_size: 9"), "job.yaml:6: data.train.batch_size is given twice"),
        (("batch_size: 8", "batch_size: 0"), "job.yaml:5: data.train.batch_size: must be greater than 0, got 0"),
        (("  lr_policy: fixed\n", ""), "job.yaml:6: solver.lr_policy: is missing"),
        (("lr_policy: fixed", "lr_policy: steps"), "job.yaml:8: solver.lr_policy: must be 'fixed'"),
        (("lr_policy: fixed", "lr_policy: step"), "job.yaml:8: solver.lr_policy: step needs gamma"),
        (
            ("lr_policy: fixed", "lr_policy: multistep\n  gamma: .1\n  stepvalue: [20, 10]"),
            "job.yaml:10: solver.stepvalue: must rise from entry to entry, got [20, 10]",
        ),
        (("max_iter: 10", "max_iter: 10\n  max_epoch: 2"), "give max_iter or max_epoch, one of the two"),
        (("max_iter: 10", "display: 10"), "give max_iter or max_epoch, one of the two"),
        (("max_iter: 10", "max_iter: 10\n  type: RMSProp\n  momentum: .9"), "momentum: must be 0 with RMSProp"),
        (("max_iter: 10", "max_iter: 10\n  clip_gradients: 0"), "clip_gradients: 0 would zero every gradient"),
        (("max_iter: 10", "max_iter: 10\n  base_lr: .inf"), "base_lr is given twice"),
        (("max_iter: 10", "max_iter: 10\n  type: AdamW\n  regularization_type: L1"), "L1 is for Caffe's rules"),
        (("max_iter: 10", "max_iter: 10\n  warmup_iter: 10"), "warmup_iter: 10 leaves nothing of max_iter 10"),
        (("max_iter: 10", "max_iter: 10\n  patience: 3"), "solver.patience watches val"),
        (("base_lr: 1e-3", "base_lr: -1"), "job.yaml:7: solver.base_lr: must be greater than 0, got -1"),
        (("name: tiny", "name: ../tiny"), "job.yaml:1: name:"),
        (("name: tiny", "name: tiny\ntask: detect"), "job.yaml:2: task: must be 'classify'"),
    ],
)
def test_a_mistake_is_one_line_with_file_line_and_field(write, change, expected):
    assert expected in complaint(write(GOOD.replace(*change)))


def test_mirror_in_test_is_an_error(write):
    text = GOOD.replace("solver:", "  test:\n    source: t.txt\n    transform_param: {mirror: true}\nsolver:")
    assert "job.yaml:8: data.test.transform_param: TEST has no chance in it" in complaint(write(text))
    assert "mirror in TEST would flip answers" in complaint(write(GOOD), "data.transform_param.mirror=true")


def test_a_crop_that_does_not_fit_is_told(write):
    message = complaint(write(GOOD), "data.transform_param={crop_size: 64, short_side: 32}")
    assert "command line: data.transform_param: crop_size 64 does not fit into a picture resized to 32" in message


@pytest.mark.parametrize(
    ("override", "expected"),
    [
        ("solver.base_lr", "is not key.key=value"),
        ("solver.base_Ir=1", "command line: solver.base_Ir: is not a field of a job; did you mean base_lr?"),
        ("net.param.3.lr_mult=1", "command line: net.param.3 is not there in the job"),
        ("name.x=1", "command line: name.x is not there in the job"),
        ("data.workers=[", "is not a YAML value"),
        ("data.workers=" + "[" * 2000, "is not a YAML value"),
    ],
)
def test_a_wrong_override_names_the_command_line(write, override, expected):
    assert expected in complaint(write(GOOD), override)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", "name: is missing"),
        ("- a\n- b\n", "job.yaml:1: a job is a mapping"),
        ("name: [", "not valid YAML"),
        ("name: !!python/object:os.system x\n", "has no place in a job"),
        ("? [a]\n: b\n", "a field's name is a word"),
        ("name: *a\n", "not valid YAML"),
    ],
)
def test_a_file_that_is_no_job_is_told_so(write, text, expected):
    assert expected in complaint(write(text))


def test_a_job_that_is_not_there_names_one_that_is(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "configs/roses").mkdir(parents=True)
    (tmp_path / "configs/roses/job.yaml").write_text(GOOD)
    assert "did you mean configs/roses/job.yaml?" in complaint(tmp_path / "configs/rose/job.yaml")


def test_a_binary_file_is_not_a_job(tmp_path):
    path = tmp_path / "job.yaml"
    path.write_bytes(b"\xff\xd8\xff\xe0")
    assert "not a text file" in complaint(path)


def test_a_mountain_of_aliases_ends_in_one_line(write):
    rows = ["a0: &a0 [x, x, x, x, x, x, x, x, x]"]
    rows += [f"a{k}: &a{k} [{', '.join([f'*a{k - 1}'] * 9)}]" for k in range(1, 9)]
    assert "aliases" in complaint(write("\n".join(rows) + "\n"))
