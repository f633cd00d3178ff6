# SPDX-License-Identifier: BSD-3-Clause
"""Figures by name, their medians and spreads, and ratios round by round."""
import statistics


def number(value):
    """Three digits that count."""
    if abs(value) >= 1000:
        return f"{value:.0f}"
    return f"{value:.3g}"


class Figures:
    """figures[(launch, way, what, size)]: values, round by round."""

    def __init__(self, rows):
        self.values = {}
        self.units = {}
        for row in rows:
            key = (row["launch"], row["way"], row["what"], row["size"])
            rounds = self.values.setdefault(key, {})
            rounds.setdefault(row["round"], []).extend(row["values"])
            self.units[row["what"]] = row["unit"]

    def __contains__(self, key):
        return key in self.values

    def keys(self, launch=None, what=None, size=None):
        return [key for key in self.values
                if launch in (None, key[0]) and what in (None, key[2])
                and size in (None, key[3])]

    def sizes(self, what):
        return sorted({key[3] for key in self.values if key[2] == what})

    def all(self, key):
        return [value for values in self.values[key].values()
                for value in values]

    def median(self, key):
        return statistics.median(self.all(key))

    def quartiles(self, key):
        values = self.all(key)
        if len(values) < 2:
            return values[0], values[0]
        low, _, high = statistics.quantiles(values, n=4, method="inclusive")
        return low, high

    def rounds(self, key):
        return {number: statistics.median(values)
                for number, values in self.values[key].items()}

    def is_time(self, what):
        return self.units.get(what) == "us"

    def best(self, keys):
        """The key with the best median, or None."""
        keys = list(keys)
        if not keys:
            return None
        pick = min if self.is_time(keys[0][2]) else max
        return pick(keys, key=self.median)

    def advantage(self, ours, theirs):
        """How many times better ours is, round by round."""
        mine, other = self.rounds(ours), self.rounds(theirs)
        both = sorted(set(mine) & set(other))
        if self.is_time(ours[2]):
            return [other[number] / mine[number] for number in both]
        return [mine[number] / other[number] for number in both]
