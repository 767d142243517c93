// Quantiles and robust fits that the measurements of a bank share.
#pragma once

#include <cstddef>
#include <functional>
#include <vector>

namespace penumbra {

// A distribution as the bank keeps it: `nodes` quantiles at equal steps of probability, minimum and maximum included,
// linear between the sorted values. values: not empty; nodes >= 2.
std::vector<double> quantiles(std::vector<double> values, std::size_t nodes);

double median(std::vector<double> values);

// 1.4826 times the median distance from the median: the standard deviation of a Gaussian, whatever its outliers do.
double robust_deviation(const std::vector<double>& values);

// Parameters from -5 to 5 that minimise the sum of 2 (sqrt(1 + (r / .1)^2) - 1) over the residuals r: least squares
// that a few variable stars do not pull (Levenberg's and Marquardt's method on the reweighted squares).
std::vector<double> fit_robustly(const std::function<std::vector<double>(const std::vector<double>&)>& residuals,
                                 std::vector<double> start);

}  // namespace penumbra
