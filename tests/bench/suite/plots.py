"""The plots beside README.md, drawn from the figures' curves: latency.svg and growth.svg."""
from math import log10
from xml.sax.saxutils import escape

WIDTH, HEIGHT = 720, 420
LEFT, RIGHT, TOP, BOTTOM = 70, 190, 40, 50
COLOURS = ["#1f77b4", "#d62728", "#2ca02c", "#9467bd", "#ff7f0e", "#8c564b", "#17becf"]


class Axis:
    """Values on a logarithmic or a linear scale, from `low` to `high`, as places between `start` and `end`."""

    def __init__(self, low, high, start, end, logarithmic):
        self.of = log10 if logarithmic else float
        self.low, self.high, self.start, self.end = self.of(low), self.of(high), start, end

    def place(self, value):
        return self.start + (self.of(value) - self.low) / (self.high - self.low) * (self.end - self.start)


def text(x, y, words, anchor="start", size=12, colour="#333"):
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" font-size="{size}" fill="{colour}">{escape(words)}</text>'


def line(points, colour, dashes=""):
    return (f'<polyline points="{" ".join(f"{x:.1f},{y:.1f}" for x, y in points)}" fill="none" stroke="{colour}" '
            f'stroke-width="2"{dashes and f" stroke-dasharray={chr(34)}{dashes}{chr(34)}"}/>')


def plot(title, curves, x_axis, y_axis, x_ticks, y_ticks, x_name, y_name, limit=None):
    """`curves` are {name: [(x, y)]}; ticks are (value, label)."""
    right, bottom = WIDTH - RIGHT, HEIGHT - BOTTOM
    out = [f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{HEIGHT}" viewBox="0 0 {WIDTH} {HEIGHT}" '
           'font-family="sans-serif">', f'<rect width="{WIDTH}" height="{HEIGHT}" fill="white"/>', text(LEFT, 22, title, size=15)]
    for value, label in y_ticks:
        y = y_axis.place(value)
        out += [f'<line x1="{LEFT}" y1="{y:.1f}" x2="{right}" y2="{y:.1f}" stroke="#ddd"/>', text(LEFT - 6, y + 4, label, "end")]
    for value, label in x_ticks:
        x = x_axis.place(value)
        out += [f'<line x1="{x:.1f}" y1="{TOP}" x2="{x:.1f}" y2="{bottom}" stroke="#eee"/>',
                text(x, bottom + 18, label, "middle")]
    out += [text((LEFT + right) / 2, HEIGHT - 10, x_name, "middle"), text(8, TOP - 4, y_name)]
    if limit is not None:
        y = y_axis.place(limit[0])
        out += [line([(LEFT, y), (right, y)], "#888", "6 4"), text(LEFT + 8, y - 5, limit[1], colour="#888")]
    names = []
    for number, (name, points) in enumerate(curves.items()):
        colour = COLOURS[number % len(COLOURS)]
        places = [(x_axis.place(x), y_axis.place(y)) for x, y in points]
        out += [line(places, colour)] + [f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3" fill="{colour}"/>' for x, y in places]
        names.append((places[-1][1], name, colour))
    below = 0  # names stand beside the ends of their lines, none over another
    for y, name, colour in sorted(names):
        below = max(y + 4, below + 15)
        out.append(text(right + 8, below, name, colour=colour))
    return "\n".join(out + ["</svg>"]) + "\n"


def decades(low, high):
    out, value = [], 10.0 ** int(log10(low))
    while value <= high * 1.001:
        out += [v for v in (value, 2 * value, 5 * value) if low * 0.999 <= v <= high * 1.001]
        value *= 10
    return out


def latency(curves):
    """Percentiles on the axis as nines: 50 %, 90 %, 99 %, 99.9 %."""
    nines = {name: [(-log10(1 - x / 100), y) for x, y in points] for name, points in curves.items()}
    values = [y for points in nines.values() for _, y in points]
    low, high = min(values) * 0.8, max(values) * 1.25
    y_axis = Axis(low, high, HEIGHT - BOTTOM, TOP, True)
    x_axis = Axis(0.2, 3.1, LEFT, WIDTH - RIGHT, False)
    ticks = [(-log10(1 - p / 100), f"{p:g} %") for p in (50, 90, 99, 99.9)]
    return plot("How long a till waits for its 201", nines, x_axis, y_axis, ticks,
                [(v, f"{v / 1000:g} ms" if v >= 1000 else f"{v:g} µs") for v in decades(low, high)], "percentile", "wait")


def growth(curves):
    relative = {name: [(x, y / points[0][1]) for x, y in points] for name, points in curves.items()}
    values = [y for points in relative.values() for _, y in points]
    high = max(max(values), 1.2) * 1.1
    counts = [x for x, _ in next(iter(curves.values()))]
    x_axis = Axis(counts[0] * 0.8, counts[-1] * 1.25, LEFT, WIDTH - RIGHT, True)
    y_axis = Axis(0, high, HEIGHT - BOTTOM, TOP, False)
    step = 0.2 if high < 3 else 1
    ticks = [(i * step, f"{i * step:.1f}") for i in range(int(high / step) + 1)]
    return plot("What it costs with more documents in the journal", relative, x_axis, y_axis,
                [(c, f"{int(c):,}") for c in counts], ticks, "documents", "of the cost at the first", (1.2, "1.2: the limit"))


def write(results, folder):
    for name, draw in (("latency", latency), ("growth", growth)):
        curves = {}
        for figures in results.values():
            for figure in figures:
                curves.update(figure.curves.get(name, {}))
        if curves:
            (folder / f"{name}.svg").write_text(draw(curves))
