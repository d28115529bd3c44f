"""The one table, for a terminal and for Markdown."""

HEAD = ["figure", "must reach", "seen (median)", "spread", "reached", "made of"]


def amount(value, unit):
    if unit == "%":
        return f"{value * 100:.3g} %"
    if unit == "x":
        return f"{value:.2f} x"
    if unit in ("/s", "bytes"):
        return f"{value:,.0f} {unit}".replace(" /s", "/s")
    return f"{value:.3g} {unit}" if value < 100 else f"{value:,.0f} {unit}"


def row(figure, judged):
    low, high = figure.spread
    spread = f"{amount(low, figure.unit)} .. {amount(high, figure.unit)}" if len(figure.values) > 1 else "one round"
    must = f"{'≤' if figure.must[0] == '<=' else '≥'} {amount(figure.must[1], figure.unit)}" if figure.must else "-"
    reached = "-" if figure.must is None else "not judged" if not judged else "yes" if figure.reached else "NO"
    parts = "; ".join(f"{name} {text}" for name, text in figure.parts)
    return [figure.name, must, amount(figure.seen, figure.unit), spread, reached, parts]


def plain(figures, judged=True):
    rows = [HEAD] + [row(f, judged) for f in figures]
    widths = [max(len(r[i]) for r in rows) for i in range(len(HEAD) - 1)]
    lines = ["  ".join([c.ljust(w) for c, w in zip(r, widths)] + [r[-1]]).rstrip() for r in rows]
    return "\n".join([lines[0], "  ".join("-" * w for w in widths)] + lines[1:])


def markdown(figures):
    rows = [HEAD, ["---"] * len(HEAD)] + [row(f, True) for f in figures]
    return "\n".join("| " + " | ".join(r) + " |" for r in rows)
