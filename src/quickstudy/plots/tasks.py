"""Tasks and feature spaces drawn with their images."""

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from quickstudy.errors import ShapeError
from quickstudy.plots.style import GRID, MARKERS, PALETTE, TEXT, axes_in, blank
from quickstudy.task import Task

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["embedding_map", "plane", "task_figure"]

_RIGHT, _WRONG = PALETTE[0], PALETTE[1]


def task_figure(
    task: Task, probabilities: Tensor, classes: Sequence[str], *, queries: int = 10, columns: Sequence[str] | None = None
) -> "Figure":
    """One task of images: a row for each class, its support set left, queries with their predictions right.

    A query answered right has a thin frame and the predicted column's letter; one answered wrong a thick frame in another
    colour, a cross and the letter of the wrong answer.

    Args:
        task: ONE task, images (C, H, W) as inputs.
        probabilities: of the classes for each query, (Q, N).
        classes: names of the task's classes, in order of its columns.
        queries: at most so many of each class are drawn.
        columns: a short sign for each class; A, B, C … by default.

    Raises:
        ShapeError: inputs are no images, or the probabilities do not fit the queries.
    """
    support, query = task.support.trim(), task.query.trim()
    if support.x.ndim != 4 or probabilities.shape[0] not in (len(query), len(task.query)):
        raise ShapeError("task_figure draws ONE task of images (C, H, W), with a row of probabilities for each query.")
    answers = (probabilities if len(probabilities) == len(query) else probabilities[task.query.mask.bool()]).argmax(-1)
    signs = columns or [chr(ord("A") + n % 26) for n in range(len(classes))]
    known = [torch.where(support.labels == n)[0].tolist() for n in range(len(classes))]
    asked = [torch.where(query.labels == n)[0][:queries].tolist() for n in range(len(classes))]
    shots, wide = max(map(len, known)), max(map(len, asked))
    axes = _sheet(shots + 0.4 + wide, 1.3 * len(classes))
    axes.text(0, -0.2, "support", color=TEXT, fontsize=10)
    axes.text(shots + 0.4, -0.2, "queries, each with its prediction", color=TEXT, fontsize=10)
    for n, sign in enumerate(signs):
        axes.text(-0.5, 1.3 * n + 0.5, sign, color=TEXT, fontsize=14, fontweight="bold", ha="center", va="center")
        for place, row in enumerate(known[n]):
            _tile(axes, support.x[row], place, 1.3 * n, GRID, 1.0)
        for place, row in enumerate(asked[n]):
            answer, x = int(answers[row]), shots + 0.4 + place
            colour, width = (_RIGHT, 1.2) if answer == n else (_WRONG, 3.0)
            _tile(axes, query.x[row], x, 1.3 * n, colour, width)
            words = axes.text(x + 0.45, 1.3 * n + 0.95, signs[answer] if answer == n else f"✗ {signs[answer]}", color=colour)
            words.set(ha="center", va="top", fontweight="bold", fontsize=8)
    return axes.figure  # type: ignore[return-value]  # no subfigures here


def _sheet(right: float, bottom: float) -> "Axes":
    """Axes without any axis, counted in tiles, on a figure that they fill; some room is left above and to the left."""
    left, top = -1.0, -0.6
    axes = blank(0.56 * (right - left), 0.56 * (bottom - top), layout=None).add_axes((0, 0, 1, 1))
    axes.set_axis_off()
    axes.set_xlim(left, right)
    axes.set_ylim(bottom, top)
    return axes


def _tile(axes: "Axes", x: Tensor, left: float, top: float, colour: str, width: float) -> None:
    """An image as dark strokes on a white tile (or in its own colours), framed."""
    from matplotlib.patches import Rectangle

    image = x.detach().cpu().clamp(0, 1)
    shown = 1 - image[0].numpy() if len(image) == 1 else image.permute(1, 2, 0).numpy()
    place = (left, left + 0.9, top + 0.9, top)
    axes.imshow(shown, extent=place, cmap="gray", vmin=0, vmax=1, aspect="auto", interpolation="none", zorder=1)
    axes.add_patch(Rectangle((left, top), 0.9, 0.9, fill=False, edgecolor=colour, linewidth=width, zorder=2))


def plane(features: Tensor, *, seed: int = 0) -> Tensor:
    """Features (R, D) laid out in a plane (R, 2): principal components, then t-SNE.

    Near points were near in the feature space; distances between far groups mean little.
    Source: van der Maaten & Hinton, 2008, Visualizing data using t-SNE.

    >>> plane(torch.randn(40, 8, generator=torch.Generator().manual_seed(0))).shape
    torch.Size([40, 2])
    """
    from sklearn.decomposition import PCA
    from sklearn.manifold import TSNE

    flat = features.detach().cpu().flatten(1).double().numpy()
    if min(flat.shape) > 50:
        flat = PCA(50, random_state=seed).fit_transform(flat)
    perplexity = min(20.0, (len(flat) - 1) / 3)
    tsne = TSNE(2, perplexity=perplexity, init="pca", learning_rate="auto", random_state=seed)
    return torch.from_numpy(np.asarray(tsne.fit_transform(flat), dtype=np.float32))


def embedding_map(
    maps: Mapping[str, Tensor], labels: Tensor, classes: Sequence[str], thumbnails: Tensor | None = None
) -> "Figure":
    """Examples of some classes as points of a plane, one panel for each feature space.

    Args:
        maps: for each feature space's name, places (R, 2) as `plane` gives them.
        labels: class number of each row, (R,).
        classes: names of the classes.
        thumbnails: grey images (R, 1, H, W), drawn in the colour of their class, instead of points.
    """
    from matplotlib.lines import Line2D

    figure = blank(3.4 * len(maps), 3.5 + 0.2 * math.ceil(len(classes) / 2))
    for number, (name, places) in enumerate(maps.items()):
        axes = axes_in(figure, place=(1, len(maps), number + 1))
        axes.set_title(name, color=TEXT, fontsize=11, loc="left")
        axes.set_xticks([])
        axes.set_yticks([])
        low, high = places.min(0).values, places.max(0).values
        unit = (places - low) / (high - low).clamp(min=1e-9)
        for place, label, row in zip(unit.tolist(), labels.tolist(), range(len(labels)), strict=True):
            colour = PALETTE[label % len(PALETTE)]
            if thumbnails is None:
                axes.plot(*place, MARKERS[label % len(MARKERS)], color=colour, markersize=4)
            else:
                _thumbnail(axes, thumbnails[row], place, colour)
        axes.set_xlim(-0.06, 1.06)
        axes.set_ylim(-0.06, 1.06)
    signs = MARKERS if thumbnails is None else ("s",)
    drawn = [Line2D([], [], color=PALETTE[n % len(PALETTE)], marker=signs[n % len(signs)], ls="") for n in range(len(classes))]
    figure.legend(drawn, list(classes), loc="outside lower left", ncols=2, frameon=False, fontsize=8, labelcolor=TEXT)
    return figure


def _thumbnail(axes: "Axes", x: Tensor, place: Sequence[float], colour: str, size: float = 0.075) -> None:
    """A grey image as see-through strokes of one colour."""
    from matplotlib.colors import to_rgb

    strokes = x.detach().cpu().clamp(0, 1)[0].numpy()
    shown = np.empty((*strokes.shape, 4), dtype=np.uint8)
    shown[..., :3] = [round(255 * part) for part in to_rgb(colour)]
    shown[..., 3] = np.round(255 * strokes)
    x0, y0 = place[0] - size / 2, place[1] - size / 2
    axes.imshow(shown, extent=(x0, x0 + size, y0, y0 + size), aspect="auto", interpolation="none", zorder=2)
