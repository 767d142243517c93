"""Gaussian-process regression of many outputs that share one kernel (Rasmussen & Williams 2006, chapters 2 and 5)."""

import numpy as np
from scipy.linalg import cho_factor, cho_solve
from scipy.optimize import minimize

SMALLEST_SCALE, LARGEST_SCALE = 0.3, 300.0
SMALLEST_NOISE, LARGEST_NOISE = 1e-4, 0.3  # of the signal


def squared_distances(a, b):
    """|a_i - b_j|^2"""
    return np.maximum((a**2).sum(axis=1)[:, None] + (b**2).sum(axis=1) - 2.0 * a @ b.T, 0.0)


def negative_log_likelihood(parameters, x, y):
    """(value, gradient) a point, with the best signal variance for every column of y.

    parameters: log of the length scales of x's columns, then log of the noise relative to the signal.
    """
    points, outputs = y.shape
    scaled, noise = x / np.exp(parameters[:-1]), np.exp(2.0 * parameters[-1])
    kernel = np.exp(-0.5 * squared_distances(scaled, scaled))
    factor = cho_factor(kernel + noise * np.eye(points), lower=True)
    inverse = cho_solve(factor, np.eye(points))
    alpha = inverse @ y
    variance = (y * alpha).sum(axis=0) / points
    value = 0.5 * points * np.log(variance).sum() + outputs * np.log(np.diag(factor[0])).sum()
    weight = outputs * inverse - (alpha / variance) @ alpha.T  # twice d value / d covariance
    weighted = weight * kernel
    # sum_ij W_ij (a_i - a_j)^2 = 2 sum_i a_i^2 (W 1)_i - 2 a W a
    slope = scaled**2 * weighted.sum(axis=1)[:, None] - scaled * (weighted @ scaled)
    gradient = np.append(slope.sum(axis=0), noise * np.trace(weight))
    return value / points, gradient / points


class GaussianProcess:
    """Squared-exponential kernel with a length scale for every input."""

    def __init__(self, x, y, tuned_points, tuned_outputs, iterations=80):
        """x (N, D); y (N, K), of mean 0. The first `tuned_points` and `tuned_outputs` decide the kernel."""
        columns = x.shape[1]
        start = np.append(np.full(columns, np.log(4.0)), np.log(0.03))
        bounds = [(np.log(SMALLEST_SCALE), np.log(LARGEST_SCALE))] * columns
        bounds.append((np.log(SMALLEST_NOISE), np.log(LARGEST_NOISE)))
        found = minimize(negative_log_likelihood, start, (x[:tuned_points], y[:tuned_points, :tuned_outputs]), jac=True,
                         method="L-BFGS-B", bounds=bounds, options={"maxiter": iterations})  # fmt: skip
        self.scale, self.noise = np.exp(found.x[:-1]), np.exp(found.x[-1])
        self.x = x / self.scale
        kernel = np.exp(-0.5 * squared_distances(self.x, self.x)) + self.noise**2 * np.eye(len(x))
        self.alpha = cho_solve(cho_factor(kernel), y)

    def __call__(self, x):
        """Expected y (M, K) at x (M, D)."""
        blocks = np.array_split(x / self.scale, max(1, len(x) // 1000))
        return np.concatenate([np.exp(-0.5 * squared_distances(block, self.x)) @ self.alpha for block in blocks])
