"""Slow, obvious, exact reference methods for markets."""

from fractions import Fraction
from itertools import product


def one_bus_welfare(steps):
    """Largest welfare of steps (is_bid, price, quantity), by linear programming duality.

    It is the least total surplus at any price, and the surplus is piecewise linear and convex in
    the price, so some order's price attains it.
    """

    def surplus(price):
        return sum(
            quantity * max(Fraction(0), limit - price if is_bid else price - limit)
            for is_bid, limit, quantity in steps
        )

    return min(surplus(price) for _, price, _ in steps)


def written(number):
    """The decimal that a float was written as."""
    return Fraction(repr(float(number)))


def one_bus_clearing(orders):
    """Accepted quantity of each order (is_bid, price, quantity), and the two clearing prices.

    Offers, and bids to be curtailed, by price, offers first; those at one place in proportion.
    """
    left = sum(quantity for is_bid, _, quantity in orders if is_bid)
    filled = [Fraction(0)] * len(orders)
    for place in sorted({(price, is_bid) for is_bid, price, _ in orders}):
        here = [k for k, (is_bid, price, _) in enumerate(orders) if (price, is_bid) == place]
        total = sum(orders[k][2] for k in here)
        share = min(Fraction(1), left / total) if total else Fraction(0)
        for k in here:
            filled[k] = orders[k][2] * share
        left -= total * share
    lower = max((price for (_, price, _), f in zip(orders, filled, strict=True) if f), default=None)
    upper = min(
        (price for (_, price, q), f in zip(orders, filled, strict=True) if f < q), default=None
    )
    accepted = [q - f if is_bid else f for (is_bid, _, q), f in zip(orders, filled, strict=True)]
    return accepted, lower, upper


def double_auction(orders, *, keep_all_at_average_price):
    """Accepted quantities, and what each order pays, when the marginal pair is left out."""
    bids = sorted((k for k, o in enumerate(orders) if o[0] and o[2]), key=lambda k: -orders[k][1])
    offers = sorted(
        (k for k, o in enumerate(orders) if not o[0] and o[2]), key=lambda k: orders[k][1]
    )

    def cumulated(side):
        return [sum(orders[k][2] for k in side[:j]) for j in range(len(side) + 1)]

    # The last pair of which both trade: their intervals of cumulated quantity overlap.
    pairs = [
        (k, m)
        for k in range(len(bids))
        for m in range(len(offers))
        if orders[bids[k]][1] >= orders[offers[m]][1]
        and max(cumulated(bids)[k], cumulated(offers)[m])
        < min(cumulated(bids)[k + 1], cumulated(offers)[m + 1])
    ]
    accepted, pays = [Fraction(0)] * len(orders), [Fraction(0)] * len(orders)
    if not pairs:
        return accepted, pays
    k, m = max(pairs)
    buy, sell = orders[bids[k]][1], orders[offers[m]][1]
    if keep_all_at_average_price and k + 1 < len(bids) and m + 1 < len(offers):
        average = (orders[bids[k + 1]][1] + orders[offers[m + 1]][1]) / 2
        if sell <= average <= buy:
            k, m, buy, sell = k + 1, m + 1, average, average
    wanted, offered = cumulated(bids)[k], cumulated(offers)[m]
    for side, total, price in ((bids[:k], wanted, buy), (offers[:m], offered, -sell)):
        for order in side:
            accepted[order] = orders[order][2] * min(wanted, offered) / total
            pays[order] = accepted[order] * price
    return accepted, pays


def cut_equally(quantities, total):
    """What is left when each gives up the same, who would fall below 0 leaves, and so on."""
    left = [Fraction(quantity) for quantity in quantities]
    gap = sum(left) - Fraction(total)
    active = [k for k, quantity in enumerate(left) if quantity > 0]
    while gap > 0 and active:
        cut = gap / len(active)
        too_small = [k for k in active if left[k] < cut]
        if not too_small:
            for k in active:
                left[k] -= cut
            break
        smallest = min(too_small, key=left.__getitem__)
        gap -= left[smallest]
        left[smallest] = Fraction(0)
        active.remove(smallest)
    return left


def muda_half(orders, price, traded):
    """What each trader of the longer side, with orders (trader, is bid, price, quantity), gains.

    Quantities are whole: each unit is one of its own, and the best are traded. By Vickrey each
    trader gains what all gain more than they would without it.
    """

    def gained(of):
        units = [
            limit - price if is_bid else price - limit
            for _, is_bid, limit, quantity in of
            for _ in range(quantity)
        ]
        return sum(sorted((unit for unit in units if unit > 0), reverse=True)[:traded])

    return {
        trader: gained(orders) - gained([one for one in orders if one[0] != trader])
        for trader, *_ in orders
    }


def best_pairs(worth):
    """The worth of the best matching of the rows and columns of a matrix, by every choice."""
    rows = [[Fraction(float(entry)) for entry in row] for row in worth]

    def best(row, free):
        if row == len(rows):
            return Fraction(0)
        gains = (rows[row][j] + best(row + 1, free - {j}) for j in free)
        return max([best(row + 1, free), *gains])

    return best(0, frozenset(range(len(rows[0]))))


def matching_nucleolus_in_fractions(worth):
    """The nucleolus of a matching market by its definition in the core, in fractions.

    Payoffs u, w with u_i + w_j = a_ij for the best pairs: one number x for each of them. The
    smallest slack of singles and pairs is at most the mean of the slacks along any cycle of
    numbers, and reaches the least one; those on such cycles are settled, and so on. All simple
    cycles are listed.
    """
    m, n = len(worth), len(worth[0])
    pairs = _best_matching(worth)
    row_of = {j: k for k, (_, j) in enumerate(pairs)}
    place = {i: k for k, (i, _) in enumerate(pairs)}
    size = len(pairs)
    # x_i - x_k >= bound, the last place being that of those who get nothing.
    bounds = []
    for i in range(m):
        bounds.append((place.get(i, size), size, Fraction(0)))
        for j in range(n):
            k = row_of.get(j, size)
            together = worth[pairs[k][0]][pairs[k][1]] if k < size else Fraction(0)
            bounds.append((place.get(i, size), k, worth[i][j] - together))
    for i, j in pairs:
        bounds.append((size, place[i], -worth[i][j]))
    bounds = [bound for bound in bounds if bound[0] != bound[1]]
    # Components of settled numbers: each with the differences of its members to the first.
    component = list(range(size + 1))
    offset = [Fraction(0)] * (size + 1)
    while len(set(component)) > 1:
        arcs = {}
        for i, k, bound in bounds:
            ends = component[i], component[k]
            if ends[0] != ends[1]:
                # Slack of the bound while both components stand at 0.
                slack = offset[i] - offset[k] - bound
                arcs[ends] = min(arcs.get(ends, slack), slack)
        mean, cycle = min(
            (sum(arcs[arc] for arc in cycle) / len(cycle), cycle) for cycle in _cycles(arcs)
        )
        # Along the cycle each slack is the mean: how far each component rises beside the first.
        rise = {cycle[0][0]: Fraction(0)}
        for tail, head in cycle[:-1]:
            rise[head] = rise[tail] + arcs[tail, head] - mean
        for member in range(size + 1):
            if component[member] in rise:
                offset[member] += rise[component[member]]
                component[member] = cycle[0][0]
    numbers = [value - offset[size] for value in offset]
    gains = [Fraction(0)] * (m + n)
    for k, (i, j) in enumerate(pairs):
        gains[i], gains[m + j] = numbers[k], worth[i][j] - numbers[k]
    return gains


def _best_matching(worth):
    """The pairs of a best matching, those that gain nothing left out."""

    def best(row, free):
        if row == len(worth):
            return Fraction(0), ()
        options = [best(row + 1, free)]
        for j in free:
            gain, pairs = best(row + 1, free - {j})
            options.append((gain + worth[row][j], ((row, j), *pairs)))
        return max(options)

    pairs = best(0, frozenset(range(len(worth[0]))))[1]
    return [(i, j) for i, j in pairs if worth[i][j] > 0]


def _cycles(arcs):
    """All simple cycles, as tuples of arcs, each from its smallest place."""
    found = []

    def walk(start, place, path, visited):
        for tail, head in arcs:
            if tail == place and head == start:
                found.append((*path, (tail, head)))
            elif tail == place and head > start and head not in visited:
                walk(start, head, (*path, (tail, head)), visited | {head})

    for start in {tail for tail, _ in arcs}:
        walk(start, start, (), {start})
    return found


def best_bundles(auction, allowed=None):
    """Every choice of at most one bundle for each bidder: the largest value and all that fit.

    Returns the welfare and the tuple of chosen bundles of the first best choice, for the bidders
    in `allowed` (all by default).
    """
    bidders = [b for b in auction.participants if allowed is None or b in allowed]
    options = [
        [None, *(k for k, bundle in enumerate(auction.bundles) if bundle.bidder == bidder)]
        for bidder in bidders
    ]
    best = (Fraction(0), ())
    for choice in product(*options):
        chosen = [k for k in choice if k is not None]
        value = sum((Fraction(auction.bundles[k].value) for k in chosen), Fraction(0))
        if value > best[0] and _fits(auction, chosen):
            best = (value, tuple(chosen))
    return best


def _fits(auction, chosen):
    for period in range(auction.n_periods):
        there = [auction.bundles[k] for k in chosen if period in auction.bundles[k].periods]
        if sum(Fraction(b.energy_kwh) for b in there) > Fraction(auction.energy_kwh[period]):
            return False
        if sum(Fraction(b.power_kw) for b in there) > Fraction(auction.power_kw[period]):
            return False
    return True
