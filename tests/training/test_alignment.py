import torch

from text_recognizer.training.alignment import IGNORED, aligned_labels, line_steps

BLANK = 0


def test_characters_stand_at_their_centres_with_blank_between():
    targets = torch.tensor([[11, 12, 3]])
    boxes = torch.tensor([[[4, 12], [36, 44], [0, 0]]])
    labels = aligned_labels(targets, boxes, width=64, steps=16, blank=BLANK)[0].tolist()
    assert labels[1:3] == [11, 11]
    assert labels[9:11] == [12, 12]
    assert labels[5:8] == [BLANK] * 3
    assert labels[12:] == [BLANK] * 4
    assert labels[3] == labels[8] == IGNORED


def test_the_nearer_of_two_close_characters_counts():
    boxes = torch.tensor([[[0, 4], [4, 8]]])
    labels = aligned_labels(torch.tensor([[11, 12]]), boxes, width=32, steps=8, blank=BLANK)[0].tolist()
    assert labels[:2] == [11, 12]


def test_an_empty_line_is_blank():
    labels = aligned_labels(torch.full((1, 4), 3), torch.zeros(1, 4, 2), width=32, steps=8, blank=BLANK)
    assert (labels == BLANK).all()


def test_steps_of_a_line():
    assert line_steps(torch.tensor([0, 1, 4, 5, 64]), 64, 16).tolist() == [1, 1, 1, 2, 16]
