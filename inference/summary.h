// A posterior in numbers: median and central intervals, and the table that the program prints.
#pragma once

#include <string>
#include <string_view>
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

// What inference/refine.h has measured, by its name; NaN: it has not.
double refinement_fact(const PosteriorRecord& record, std::string_view name);

// False where importance weights have failed or an MCMC has not converged; true also where nothing was refined.
bool refinement_trusted(const PosteriorRecord& record);

// One row a quantity: name, unit, median, 68% and 90% intervals; beside them the literature where the object file has
// it, with its distance in units of the combined error. How a refinement went and warnings follow below.
std::string summary_table(const PosteriorRecord& record);

}  // namespace penumbra
