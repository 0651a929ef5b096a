"""The image of this tree, built once for all tests of the folder."""

from collections.abc import Iterator

import pytest

from tests.packaging.image import Images


@pytest.fixture(scope="session")
def images() -> Images:
    """The tests' image store."""
    return Images()


@pytest.fixture(scope="session")
def image(images: Images) -> Iterator[str]:
    """The image of this tree."""
    with images.built() as name:
        yield name
