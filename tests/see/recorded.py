"""Writes recorded.json: what scikit-learn makes of points, for comparison.

    python3 tests/see/recorded.py > tests/see/recorded.json    # scikit-learn 1.9.1
"""
import json
import numpy as np
from sklearn.cluster import KMeans
from sklearn.metrics import adjusted_rand_score

rng = np.random.default_rng(7)


def rounded(points):
    return np.round(points, 3).astype(np.float32)


def run(points, k, runs):
    found = KMeans(n_clusters=k, random_state=0, n_init=runs).fit(points)
    return found.labels_.tolist(), float(found.inertia_)


def case(name, points, ks):
    cases = []
    for k in ks:
        labels, inertia = run(points, k, "auto")
        seeds = [KMeans(n_clusters=k, random_state=s, n_init=1).fit(points).inertia_ for s in range(20)]
        cases.append({
            "k": k,
            "labels": labels,
            "inertia": inertia,
            "mean_of_20": float(np.mean(seeds)),
            "best_of_100": run(points, k, 100)[1],
        })
    return {"name": name, "points": points.tolist(), "cases": cases}


middles = 10 * rng.standard_normal((5, 6))
apart = rounded(middles[rng.integers(0, 5, 40)] + 0.3 * rng.standard_normal((40, 6)))
mixed = rounded(rng.standard_normal((49, 8)))
a, b = rng.integers(0, 4, 60), rng.integers(0, 3, 60)
c = np.where(rng.random(60) < 0.8, a, b)
pairs = [[a, b], [a, c], [a, a], [a, 0 * a], [0 * a, 0 * a]]
print(json.dumps({
    "kmeans": [case("apart", apart, [2, 3, 5]), case("mixed", mixed, [3, 5, 8])],
    "adjusted_rand": [
        {"a": x.tolist(), "b": y.tolist(), "index": float(adjusted_rand_score(x, y))} for x, y in pairs
    ],
}))
