"""Slow and exact methods for games of prices and bids: fractions, and every case by itself."""

from __future__ import annotations

from fractions import Fraction
from itertools import product

import numpy as np
from scipy.optimize import linprog

INF = float("inf")


def exact(values):
    return [Fraction(value) for value in values]


class Leader:
    """A leader's profit at any prices, and its best ones, in fractions."""

    def __init__(self, a, b, cost, suppliers=((), ()), grid=None):
        self.a, self.b = exact(a), exact(b)
        self.c, self.e = (exact(part) for part in suppliers)
        self.cost = Fraction(cost)
        self.grid = grid and tuple(exact(grid))

    def bought(self, price):
        return sum(
            ((a - price) / b for a, b in zip(self.a, self.b, strict=True) if a > price), Fraction()
        )

    def sold(self, price):
        return sum(
            ((price - c) / e for c, e in zip(self.c, self.e, strict=True) if price > c), Fraction()
        )

    def profit(self, buy, sell):
        over = self.bought(buy) - self.sold(sell)
        outside = self.cost * over if over > 0 else self.grid[0] * over
        return buy * self.bought(buy) - sell * self.sold(sell) - outside

    def best_price(self):
        """Return the lowest best price and its profit: from the vertices of all parabolas."""
        prices = set(self.a)
        for first in range(1, len(self.a) + 1):
            some = sorted(zip(self.a, self.b, strict=True), reverse=True)[:first]
            level, slope = sum(a / b for a, b in some), sum(1 / b for _, b in some)
            prices.add((self.cost + level / slope) / 2)
        if self.grid:
            prices = {max(self.grid[0], min(self.grid[1], price)) for price in prices}
        profits = {price: (price - self.cost) * self.bought(price) for price in prices}
        most = max(profits.values())
        # Where nobody buys, any price earns nothing, and the lowest one is where they drop out.
        return min(price for price, profit in profits.items() if profit == most), most

    def best_pair(self):
        """Return the most profit of two prices: from the critical points of all pieces.

        A piece is a pair of segments of prices, in each of which a quadratic holds while the leader
        imports, and another while it exports. Its maximum is where the gradient is 0, or on an
        edge: a price is at an end of its segment, or what is bought is sold.
        """
        low, high = self.grid
        buys = self._segments(self.a, self.b, sign=1)
        sells = self._segments(self.c, self.e, sign=-1)
        found = set()
        for (level, slope, b_ends), (other, rise, s_ends) in product(buys, sells):
            for value in (low, self.cost):
                free_buy = [(value + level / slope) / 2] if slope else []
                free_sell = [(value + other / rise) / 2] if rise else []
                found |= set(product([*free_buy, *b_ends], [*free_sell, *s_ends]))
            # On the line where all that is bought is sold: bought = level - slope * buy.
            if slope and rise:
                energy = (level / slope - other / rise) / (2 / slope + 2 / rise)
                found.add(((level - energy) / slope, (other + energy) / rise))
            for buy in b_ends:
                if rise:
                    found.add((buy, (other + level - slope * buy) / rise))
            for sell in s_ends:
                if slope:
                    found.add(((level - rise * sell + other) / slope, sell))
        inside = [(buy, sell) for buy, sell in found if low <= buy <= high and low <= sell <= high]
        return max(self.profit(buy, sell) for buy, sell in inside)

    def _segments(self, turns, slopes, sign):
        """Yield level, slope and ends of each segment of prices within those of the grid."""
        low, high = self.grid
        edges = sorted({low, high, *(turn for turn in turns if low < turn < high)})
        pairs = list(zip(turns, slopes, strict=True))
        found = []
        for left, right in zip(edges, edges[1:] or edges, strict=False):
            middle = (left + right) / 2
            active = [(t, s) for t, s in pairs if sign * (t - middle) > 0]
            found.append(
                (
                    sum((t / s for t, s in active), Fraction()),
                    sum((1 / s for _, s in active), Fraction()),
                    (left, right),
                )
            )
        return found


def bidding(quadratic, linear, demand, sensitivity=None, bounds=None):
    """Return price and production in equilibrium, or the optimum without a sensitivity.

    Every pattern of bounds is tried: the one whose linear equations keep the conditions of
    optimality is the answer.
    """
    c, d, need = exact(quadratic), exact(linear), exact(demand)
    n = len(c)
    reach = None if sensitivity is None else Fraction(sensitivity) * (n - 1)
    own = 1 / reach if reach else Fraction()
    lowest, highest = bounds or ([-INF] * n, [INF] * n)
    for pattern in product((-1, 0, 1), repeat=n):
        if any(
            (side < 0 and lowest[i] == -INF) or (side > 0 and highest[i] == INF)
            for i, side in enumerate(pattern)
        ):
            continue
        if all(pattern):
            continue
        fixed = {
            i: Fraction(lowest[i] if side < 0 else highest[i])
            for i, side in enumerate(pattern)
            if side
        }
        # 2 c p + d = price + own (D - p) of those that are free, and all make what all need.
        rates = {i: 1 / (2 * c[i] + own) for i in range(n) if i not in fixed}
        starts = {i: rate * (own * need[i] - d[i]) for i, rate in rates.items()}
        price = (sum(need) - sum(fixed.values()) - sum(starts.values())) / sum(rates.values())
        made = {**fixed, **{i: starts[i] + rate * price for i, rate in rates.items()}}
        slack = {i: 2 * c[i] * made[i] + d[i] - price - own * (need[i] - made[i]) for i in made}
        if all(
            (lowest[i] <= made[i] <= highest[i])
            and (pattern[i] == 0 or (slack[i] >= 0) == (pattern[i] < 0) or slack[i] == 0)
            for i in range(n)
        ):
            return price, [made[i] for i in range(n)]
    raise AssertionError("no pattern of bounds is optimal")


def sellers(congestion, cost):
    """Return prices and shares where all first-order conditions hold, by elimination."""
    spread = [1 / Fraction(k) for k in congestion]
    total, n = sum(spread), len(spread)
    rows = []
    for j, s in enumerate(spread):
        # p - c = x / (s (1 - s / S)), and x = s ((1 + sum s p) / S - p).
        lost = s * (1 - s / total)
        row = [-s * other / total for other in spread]
        row[j] += s + lost
        rows.append([*row, lost * Fraction(cost[j]) + s / total])
    for pivot in range(n):
        first = next(r for r in range(pivot, n) if rows[r][pivot])
        rows[pivot], rows[first] = rows[first], rows[pivot]
        rows[pivot] = [value / rows[pivot][pivot] for value in rows[pivot]]
        for other in range(n):
            if other != pivot:
                factor = rows[other][pivot]
                rows[other] = [
                    x - factor * y for x, y in zip(rows[other], rows[pivot], strict=True)
                ]
    prices = [row[-1] for row in rows]
    level = (1 + sum(s * p for s, p in zip(spread, prices, strict=True))) / total
    return prices, [s * (level - p) for s, p in zip(spread, prices, strict=True)]


class Followers:
    """The best replies of members with one battery each at prices by step, and what they earn.

    Linear programs of scipy's, of which the first finds what each pays at best, and the second, of
    all such replies, those that are best, or worst, for the leader.
    """

    def __init__(self, net, batteries, asked, paid):
        self.net = np.asarray(net, dtype=float)
        self.batteries, self.asked, self.paid = batteries, asked, paid
        self.n, self.steps = self.net.shape

    def profit(self, buy, sell):
        """Return what the leader earns at prices, by the replies that are best for it."""
        best, program, wear, _ = self._best_replies(buy, sell)
        # What all pay is given; of that, wear and the grid's bill are not the leader's.
        others = np.concatenate([wear, self.asked, -np.asarray(self.paid)])
        found = linprog(others, method="highs", **program)
        assert found.status == 0
        return best - found.fun

    def least_profit(self, buy, sell):
        """Return the same by the replies that are worst for it: in each step it imports or not."""
        best, program, wear, width = self._best_replies(buy, sell)
        worst = -INF
        for imports in product((True, False), repeat=self.steps):
            is_import = np.array(imports)
            grid = np.concatenate([self.asked, -np.asarray(self.paid)])
            ends = [(0, None if on else 0) for on in (*is_import, *~is_import)]
            bounds = [*program["bounds"][: width * self.n], *ends]
            found = linprog(
                -np.concatenate([wear, grid]), method="highs", **{**program, "bounds": bounds}
            )
            if found.status == 0:
                worst = max(worst, -found.fun)
        return best - worst

    def _best_replies(self, buy, sell):
        """Return what all pay at best, the program of all replies that do, and what wear costs."""
        n, steps = self.n, self.steps
        width = 5 * steps
        cost = np.concatenate([buy, -np.asarray(sell), np.zeros(3 * steps)])
        equal, sides, bounds, wears = np.zeros((0, n * width)), [], [], []
        best = 0.0
        for member in range(n):
            rows, right, own_bounds = self._own(member)
            wears.append(np.zeros(width))
            wears[-1][3 * steps : 4 * steps] = self.batteries[member]["wear"]
            found = linprog(
                cost + wears[-1], A_eq=rows, b_eq=right, bounds=own_bounds, method="highs"
            )
            assert found.status == 0
            best += found.fun
            wide = np.zeros((len(rows), n * width))
            wide[:, member * width : (member + 1) * width] = rows
            equal, sides = np.vstack([equal, wide]), [*sides, *right]
            bounds += own_bounds
        # What the leader imports less what it exports is the net of all.
        net = np.zeros((steps, n * width + 2 * steps))
        for step in range(steps):
            for member in range(n):
                net[step, member * width + step] = -1.0
                net[step, member * width + steps + step] = 1.0
            net[step, n * width + step], net[step, n * width + steps + step] = 1.0, -1.0
        extra = np.zeros((len(equal), 2 * steps))
        money = np.concatenate([*(cost + wear for wear in wears), np.zeros(2 * steps)])
        program = {
            "A_ub": [money],
            "b_ub": [best + 1e-9],
            "A_eq": np.vstack([np.hstack([equal, extra]), net]),
            "b_eq": [*sides, *np.zeros(steps)],
            "bounds": [*bounds, *[(0, None)] * (2 * steps)],
        }
        return best, program, np.concatenate(wears), width

    def _own(self, member):
        """Return the rows, right sides and bounds of a member: buy, sell, draw, deliver, hold."""
        steps, battery = self.steps, self.batteries[member]
        rows, right = [], []
        for step in range(steps):
            balance, stored = np.zeros((2, 5 * steps))
            balance[[step, 3 * steps + step]] = 1.0
            balance[[steps + step, 2 * steps + step]] = -1.0
            rows.append(balance)
            right.append(self.net[member, step])
            stored[4 * steps + step] = 1.0
            stored[2 * steps + step] = -battery["efficiency"]
            stored[3 * steps + step] = 1.0 / battery["efficiency"]
            if step:
                stored[4 * steps + step - 1] = -1.0
            rows.append(stored)
            right.append(0.0 if step else battery["initial"])
        power = [(0, battery["power"])] * (2 * steps)
        held = [(0, battery["energy"])] * (steps - 1) + [(battery["initial"], battery["energy"])]
        return np.array(rows), right, [(0, None)] * (2 * steps) + power + held
