"""Figures: what was seen in each round, its median and spread, and whether it reaches what it must."""
from dataclasses import dataclass, field
from statistics import median


@dataclass
class Figure:
    """One line of the table. `values` has one number a round, the ratio where it is one. `must` is ("<=" or ">=", limit), or
    None for what is told beside. `parts` are the medians that the ratio is made of, as (name, text). `curves` are for the
    plots: {plot: {name: [(x, y)]}}."""
    name: str
    values: list
    unit: str = "x"
    must: tuple = None
    parts: list = field(default_factory=list)
    curves: dict = field(default_factory=dict)

    @property
    def seen(self):
        return median(self.values)

    @property
    def spread(self):
        return min(self.values), max(self.values)

    @property
    def reached(self):
        if self.must is None:
            return None
        sign, limit = self.must
        return self.seen <= limit if sign == "<=" else self.seen >= limit

    def plain(self):
        return {"name": self.name, "unit": self.unit, "must": list(self.must) if self.must else None, "seen": self.seen,
                "spread": list(self.spread), "values": self.values, "reached": self.reached, "parts": self.parts,
                "curves": self.curves}


def from_plain(row):
    return Figure(row["name"], row["values"], row["unit"], tuple(row["must"]) if row["must"] else None,
                  [tuple(p) for p in row["parts"]], row["curves"])


def ratios(upper, lower):
    """Round by round: both were seen within seconds of each other, so that what the machine did meanwhile hit both."""
    return [a / b for a, b in zip(upper, lower)]


def per_second(values):
    return f"{median(values):,.0f}/s"


def micros(values):
    return f"{median(values):,.0f} µs"
