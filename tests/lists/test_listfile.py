"""List files: what Caffe turns into class 0 without a word is an error here."""

from pathlib import Path

import pytest

from galao.errors import ListError
from galao.lists.listfile import Label, read_folder, read_labels, read_list


@pytest.fixture
def folder(tmp_path):
    for name in ("a.jpg", "b c.jpg", "sub/d.jpg"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(b"x")
    return tmp_path


def write(folder, text, name="list.txt"):
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def complaint(call, *arguments):
    with pytest.raises(ListError) as caught:
        call(*arguments)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_the_line_is_split_at_its_last_space(folder):
    samples = read_list(write(folder, "a.jpg 0\nb c.jpg 2\r\nsub/d.jpg 1\n\n"))
    assert [(s.path.name, s.index) for s in samples] == [("a.jpg", 0), ("b c.jpg", 2), ("d.jpg", 1)]


def test_paths_start_at_the_root_folder_or_at_the_lists_own(folder):
    lists = folder / "lists"
    lists.mkdir()
    path = write(lists, "a.jpg 0\n")
    assert read_list(path, folder)[0].path == folder / "a.jpg"
    assert "no picture at" in complaint(read_list, path)


def test_an_absolute_path_stays_as_it_is(folder):
    assert read_list(write(folder, f"{folder}/a.jpg 0\n"), Path("/nowhere"))[0].path == folder / "a.jpg"


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("a.jpg", "list.txt:2: no class index after the path in 'a.jpg'"),
        ("a.jpg x", "list.txt:2: the class index 'x' is not an integer"),
        ("a.jpg -1", "list.txt:2: the class index '-1' is not an integer"),
        ("a.jpg 1.0", "list.txt:2: the class index '1.0' is not an integer"),
        ("a.jpg 1 ", "list.txt:2: the class index '' is not an integer"),
        ("a.jpg ٣", "list.txt:2: the class index '٣' is not an integer"),
        ("a.jpg 3", "list.txt:2: class index 3 is out of range: there are 3 labels, 0 to 2"),
        ("z.jpg 1", "list.txt:2: no picture at"),
    ],
)
def test_a_bad_line_is_named(folder, line, expected):
    assert expected in complaint(read_list, write(folder, f"a.jpg 0\n{line}\n"), None, 3)


def test_an_empty_list_is_an_error(folder):
    assert "the list is empty" in complaint(read_list, write(folder, "\n\n"))


def test_a_list_that_is_not_there_is_named(folder):
    assert "none.txt: cannot be read" in complaint(read_list, folder / "none.txt")


def test_a_picture_given_as_a_list_is_told(folder):
    path = folder / "x.txt"
    path.write_bytes(b"\xff\xd8\xff")
    assert "not a text file" in complaint(read_list, path)


def test_labels_are_lines_in_class_order(folder):
    path = write(folder, "rosa_canina\nQuercus suber\n", "labels.txt")
    assert read_labels(path) == (Label("rosa_canina", "rosa canina"), Label("Quercus suber", "Quercus suber"))


def test_synset_words_have_an_identifier_and_names(folder):
    path = write(folder, "n01440764 tench, Tinca tinca\nn01443537 goldfish, Carassius auratus\n", "synset_words.txt")
    assert read_labels(path) == (Label("n01440764", "tench"), Label("n01443537", "goldfish"))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", "no labels in it"),
        ("a\n\nb\n", "labels.txt:2: blank line among the labels"),
        ("a\nb\na\n", "labels.txt:3: label 'a' is on line 1 too"),
    ],
)
def test_bad_labels_are_named(folder, text, expected):
    assert expected in complaint(read_labels, write(folder, text, "labels.txt"))


def test_a_folder_per_class_is_a_data_set(tmp_path):
    for name in ("rose/b.JPG", "rose/a.png", "oak/deep/er.webp", "oak/notes.txt", ".hidden/x.jpg"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(b"x")
    labels, samples = read_folder(tmp_path)
    assert [label.label for label in labels] == ["oak", "rose"]
    assert [(s.path.name, s.index) for s in samples] == [("er.webp", 0), ("a.png", 1), ("b.JPG", 1)]


def test_given_labels_decide_the_classes_of_the_folders(tmp_path):
    for name in ("rose/a.jpg", "oak/b.jpg"):
        (tmp_path / name).parent.mkdir()
        (tmp_path / name).write_bytes(b"x")
    _, samples = read_folder(tmp_path, (Label("rose", "rose"), Label("elm", "elm"), Label("oak", "oak")))
    assert [(s.path.parent.name, s.index) for s in samples] == [("oak", 2), ("rose", 0)]
    assert "not among the 1 labels" in complaint(read_folder, tmp_path, (Label("rose", "rose"),))


def test_an_empty_class_folder_is_named(tmp_path):
    (tmp_path / "rose").mkdir()
    assert "rose: no pictures in this class folder" in complaint(read_folder, tmp_path)
    (tmp_path / "rose").rmdir()
    assert "no class folders" in complaint(read_folder, tmp_path)
