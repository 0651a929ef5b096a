"""Draws panels of lines side by side as one SVG file, which any browser shows."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

WIDTH, HEIGHT = 380, 300
LEFT, RIGHT, TOP, BOTTOM = 52, 34, 62, 50
COLOURS = ("#1b6ca8", "#c0392b", "#2e7d32", "#8e44ad")
DASHES = ("", "6 3", "2 3", "8 3 2 3")
"""So that lines can be told apart without their colours."""


ROUND = (1, 2, 3, 4, 6, 8, 10)


@dataclass(frozen=True, slots=True)
class Panel:
    """One plot: lines by name, each a list of points, and the ticks that its horizontal axis has with their texts."""

    title: str
    across: str
    up: str
    lines: dict[str, list[tuple[float, float]]]
    ticks: Sequence[tuple[float, str]]
    logarithmic: bool = False

    def place(self, x: float) -> float:
        """Give the horizontal place of a figure, 0 to 1."""
        low, high = self.ticks[0][0], self.ticks[-1][0]
        if self.logarithmic:
            x, low, high = math.log10(x), math.log10(low), math.log10(high)
        return (x - low) / (high - low)

    def top(self) -> float:
        """Give a round figure above all points."""
        highest = max(y for points in self.lines.values() for _, y in points) * 1.1
        step = 10.0 ** math.floor(math.log10(highest))
        return next(factor * step for factor in ROUND if factor * step >= highest)


def svg(panels: Sequence[Panel], caption: str) -> str:
    """Give the panels from left to right, with a caption below."""
    total = WIDTH * len(panels)
    drawn = "".join(
        f'<g transform="translate({number * WIDTH} 0)">{_panel(panel)}</g>' for number, panel in enumerate(panels)
    )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {total} {HEIGHT + 24}" width="{total}"'
        f' height="{HEIGHT + 24}" font-family="sans-serif" font-size="11">'
        f'<rect width="{total}" height="{HEIGHT + 24}" fill="#fff"/>{drawn}'
        f"{_text(LEFT, HEIGHT + 12, caption, colour='#555')}</svg>\n"
    )


def _panel(panel: Panel) -> str:
    right, bottom, highest = WIDTH - RIGHT, HEIGHT - BOTTOM, panel.top()

    def point(x: float, y: float) -> tuple[float, float]:
        return LEFT + panel.place(x) * (right - LEFT), bottom - y / highest * (bottom - TOP)

    parts = [_text(LEFT, 18, panel.title, size=13, weight="bold")]
    for fraction in (0.0, 0.25, 0.5, 0.75, 1.0):
        _, height = point(panel.ticks[0][0], fraction * highest)
        parts.append(f'<line x1="{LEFT}" x2="{right}" y1="{height:.1f}" y2="{height:.1f}" stroke="#ddd"/>')
        parts.append(_text(LEFT - 6, height + 4, f"{fraction * highest:g}", anchor="end"))
    for x, words in panel.ticks:
        across, _ = point(x, 0)
        parts.append(f'<line x1="{across:.1f}" x2="{across:.1f}" y1="{bottom}" y2="{bottom + 4}" stroke="#333"/>')
        parts.append(_text(across, bottom + 17, words, anchor="middle"))
    parts.append(f'<path d="M{LEFT} {TOP}V{bottom}H{right}" fill="none" stroke="#333"/>')
    parts.append(_text((LEFT + right) / 2, bottom + 36, panel.across, anchor="middle"))
    parts.append(
        f'<g transform="translate(13 {(TOP + bottom) / 2}) rotate(-90)">{_text(0, 0, panel.up, anchor="middle")}</g>'
    )
    key = float(LEFT)
    for (words, points), colour, dashes in zip(panel.lines.items(), COLOURS, DASHES, strict=False):
        places = [point(x, y) for x, y in points]
        style = f'fill="none" stroke="{colour}" stroke-width="2" stroke-dasharray="{dashes}"'
        parts.append(f'<polyline points="{" ".join(f"{x:.1f},{y:.1f}" for x, y in places)}" {style}/>')
        parts += [f'<circle cx="{x:.1f}" cy="{y:.1f}" r="2.5" fill="{colour}"/>' for x, y in places]
        parts.append(f'<line x1="{key}" x2="{key + 22}" y1="38" y2="38" {style}/>')
        parts.append(_text(key + 26, 42, words))
        key += 40 + 6.2 * len(words)
    return "".join(parts)


def _text(
    x: float,
    y: float,
    words: str,
    *,
    anchor: str = "start",
    size: int = 11,
    weight: str = "normal",
    colour: str = "#222",
) -> str:
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" font-size="{size}" font-weight="{weight}"'
        f' fill="{colour}">{escape(words)}</text>'
    )
