// A posterior in numbers: median and central intervals, and the table that the program prints.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "inference/posterior_file.h"

namespace penumbra {

struct Summary {
  double median, low68, high68, low90, high90;  // central intervals
};

// Quantiles by linear interpolation between order statistics. Reorders nothing: takes a copy. Values: at least one.
Summary summarize(std::vector<double> values);

// Of the median from a published value, in units of the combined error: half the central 68% and the value's own. NaN
// where both are zero.
double distance_in_sigma(const Summary& posterior, const LiteratureValue& published);

// One row a quantity: name, unit, median, 68% and 90% intervals; beside them the literature where the object file has
// it, with its distance in units of the combined error. How a refinement went and warnings follow below.
std::string summary_table(const PosteriorRecord& record);

// The same of any posterior; `head`: lines between the first and the table.
std::string summary_table(const std::string& object, const PosteriorFacts& facts,
                          std::span<const PosteriorColumn> columns, std::span<const LiteratureValue> literature,
                          const std::string& head = "");

}  // namespace penumbra
