from typing import Any

import pytest

from pipeline.training.trainer_settings import TrainerSettings


@pytest.mark.parametrize(
    ("first", "last", "epochs", "sizes"),
    [
        (None, 96, 3, [96, 96, 96]),
        (64, 96, 1, [96]),
        (64, 96, 2, [64, 96]),
        # 32 pixels over three quarters of 8 epochs, in steps of 32.
        (64, 96, 8, [64, 64, 64, 64, 64, 64, 96, 96]),
        # 96 pixels over 3 of 4 epochs: 128 + 96 * n / 3.
        (128, 224, 4, [128, 160, 192, 224]),
        (96, 96, 2, [96, 96]),
    ],
)
def test_images_grow_over_three_quarters_of_the_epochs_and_end_at_their_full_size(
    first: int | None, last: int, epochs: int, sizes: list[int]
) -> None:
    settings = TrainerSettings(first_image_size=first, image_size=last, epochs=epochs)
    assert [settings.image_size_in(epoch) for epoch in range(1, epochs + 1)] == sizes


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("first_image_size", 256, r"at most --image_size=224\. Received: 256"),
        ("average_momentum", 1.0, r"below 1\. Received: 1\.0"),
        ("patience", 0, r"at least 1\. Received: 0"),
        ("photographs_at_a_time", 0, r"at least 1\. Received: 0"),
    ],
)
def test_ranges_are_checked(name: str, value: Any, message: str) -> None:
    with pytest.raises(ValueError, match=rf"--{name} is {message}"):
        TrainerSettings(**{name: value})
