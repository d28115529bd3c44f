"""What a case is told: how often, how much; and what a case is."""
from dataclasses import dataclass
from typing import Callable


@dataclass
class Bench:
    quick: bool
    rounds: int

    def size(self, full, quick):
        """The size of a part: `quick` only shows that everything runs and answers rightly."""
        return quick if self.quick else full

    def each_round(self):
        return range(self.rounds)


@dataclass
class Case:
    """`run` gives figures; whatever is wrong it raises as BenchError. `prepare` makes what lasts between runs."""
    name: str
    about: str
    run: Callable
    prepare: Callable = lambda bench: None
