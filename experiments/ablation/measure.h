// What posteriors of many systems say of a parameter: widths, contraction, errors, each with its own error.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "sim/parameters.h"

namespace penumbra {

// The posterior of one system whose parameters are known. Not answered: without samples, and the rest means nothing.
struct SystemRecord {
  bool answered = false;
  Theta width;      // of the central 68% interval
  Theta deviation;  // (median - truth) / (width / 2): the paper's normalised error, section 5
  Theta variance;
  double log_q = 0.0;  // ln q(z | x) of the truth
};
SystemRecord record_system(const Theta& truth, const std::vector<Theta>& samples, double log_q);

// A statistic over systems with the standard deviation of its bootstrap (400 resamplings of the systems).
struct Estimate {
  double value, error;
};

// `reference` holds the same systems as `records`, perhaps itself; systems that either has not answered do not count.
// At least one must be left.
Estimate relative_width(const std::vector<SystemRecord>& records, const std::vector<SystemRecord>& reference, int p);
Estimate median_deviation(const std::vector<SystemRecord>& records, int p);
// Mean of the reference's ln q(truth) less that of `records`: nats that are lost.
Estimate lost_information(const std::vector<SystemRecord>& records, const std::vector<SystemRecord>& reference);

// At least one system must be answered.
double median_width(const std::vector<SystemRecord>& records, int p);
double median_contraction(const std::vector<SystemRecord>& records, int p, double prior_variance);
double coverage68(const std::vector<SystemRecord>& records, int p);
double mean_log_q(const std::vector<SystemRecord>& records);

}  // namespace penumbra
