"""The best sharing keys by brute force: fixed ones in fractions, of each step as a whole LP."""

from fractions import Fraction
from itertools import permutations, product

import numpy as np
from scipy.optimize import linprog


def gain(generated, consumed, worth, rest, coefficient, price_of_peak=0):
    """Return what a coefficient saves one point, less what it pays for its highest step."""
    used = [min(coefficient * g, c) for g, c in zip(generated, consumed, strict=True)]
    saved = sum(w * u for w, u in zip(worth, used, strict=True))
    saved += sum(r * coefficient * g for r, g in zip(rest, generated, strict=True))
    left = [c - u for c, u in zip(consumed, used, strict=True)]
    return saved - price_of_peak * max(left)


def kinks(generated, consumed, price_of_peak):
    """Return where what a coefficient saves may bend: steps are covered, or peaks change places."""
    lines = [*zip(generated, consumed, strict=True), (0, 0)]
    others = lines if price_of_peak else lines[-1:]
    crossed = {Fraction(c - d) / (g - h) for g, c in lines for h, d in others if g != h}
    return sorted({Fraction(0), Fraction(1)} | {each for each in crossed if 0 < each < 1})


def best_static(generated, consumed, worth, rest, prices_of_peaks):
    """Return the most that coefficients save, and all coefficients at a vertex that do so.

    What is saved is linear between hyperplanes at which a coefficient is at a kink, so a best point
    is where all coefficients but one are.
    """
    n = len(consumed)
    places = [
        kinks(generated, row, price) for row, price in zip(consumed, prices_of_peaks, strict=True)
    ]
    best, attained = None, []
    for free in range(n):
        others = [row for row in range(n) if row != free]
        for chosen in product(*(places[row] for row in others)):
            left = 1 - sum(chosen, Fraction(0))
            if not 0 <= left <= 1:
                continue
            coefficients = dict(zip(others, chosen, strict=True)) | {free: left}
            found = sum(
                gain(
                    generated,
                    consumed[row],
                    worth[row],
                    rest[row],
                    coefficients[row],
                    prices_of_peaks[row],
                )
                for row in range(n)
            )
            if best is None or found > best:
                best, attained = found, []
            if found == best:
                attained.append([coefficients[row] for row in range(n)])
    return best, attained


def best_of_step(generated, consumed, worth):
    """Return the most that a step saves: whoever is served first, and however far one goes."""
    best = Fraction(0)
    for order in permutations(range(len(consumed))):
        left, saved = generated, Fraction(0)
        for row in order:
            used = min(left, consumed[row])
            left, saved = left - used, saved + worth[row] * used
            best = max(best, saved)
    return best


def least_cost_with_peaks(generated, consumed, worth, prices_of_peaks, periods):
    """Return the least of what points pay for peaks less what they save, all variables at once."""
    n, n_steps = consumed.shape
    n_used, n_peaks = n * n_steps, n * len(periods)
    cost = np.concatenate((-worth.ravel(), np.repeat(prices_of_peaks, len(periods))))
    rows, sides = [], []
    for step in range(n_steps):
        row = np.zeros(n_used + n_peaks)
        row[step:n_used:n_steps] = 1
        rows.append(row)
        sides.append(generated[step])
    for point in range(n):
        for number, period in enumerate(periods):
            for step in period:
                row = np.zeros(n_used + n_peaks)
                row[point * n_steps + step] = -1
                row[n_used + point * len(periods) + number] = -1
                rows.append(row)
                sides.append(-consumed[point, step])
    bounds = [(0, each) for each in consumed.ravel()] + [(0, None)] * n_peaks
    found = linprog(cost, A_ub=np.array(rows), b_ub=sides, bounds=bounds, method="highs")
    assert found.status == 0, found.message
    return found.fun


def nearest_of_two(generated, consumed, saved, wanted, distance):
    """Return the least distance of what two points save from what they want, in fractions.

    Both are straight between kinks of either, and so the least is at one of these, where one gets
    just what it wants, or where the deviations of both have one size.
    """
    nothing = [Fraction(0)] * len(generated)

    def deviations(coefficient):
        parts = coefficient, 1 - coefficient
        return [
            gain(generated, row, worth, nothing, part) - want
            for row, worth, part, want in zip(consumed, saved, parts, wanted, strict=True)
        ]

    measure = max if distance == "largest" else sum
    ends = {*kinks(generated, consumed[0], 0)}
    ends |= {1 - each for each in kinks(generated, consumed[1], 0)}
    places = set(ends)
    for low, high in zip(sorted(ends), sorted(ends)[1:], strict=False):
        (a, b), (c, d) = deviations(low), deviations(high)
        for first, last in ((a, c), (b, d), (a - b, c - d), (a + b, c + d)):
            if first != last and 0 <= (part := first / (first - last)) <= 1:
                places.add(low + part * (high - low))
    return min(measure([abs(each) for each in deviations(place)]) for place in places)
