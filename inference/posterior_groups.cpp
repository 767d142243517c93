#include "inference/posterior_groups.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

namespace penumbra {

void write_facts(NetcdfWriter& writer, const std::string& object, const PosteriorFacts& facts) {
  writer.attribute("object", object);
  writer.attribute("method", facts.method);
  for (const auto& [name, value] : facts.refinement) writer.attribute(name, value);
  for (const auto& [name, value] : facts.attributes) writer.attribute(name, value);
  writer.attribute("warnings", fmt::format("{}", fmt::join(facts.warnings, "\n")));
}

void write_columns(NetcdfWriter& writer, std::span<const PosteriorColumn> columns) {
  NetcdfGroup posterior(writer, "posterior");
  const int chain = posterior.counter("chain", 1), draw = posterior.counter("draw", columns.front().values.size());
  for (const PosteriorColumn& column : columns)
    posterior.numbers(column.name, {chain, draw}, column.values.data(), column.unit, column.description);
}

void write_densities(NetcdfWriter& writer, std::size_t samples, const SampleDensities& densities) {
  NetcdfGroup stats(writer, "sample_stats");
  const std::vector<int> axes{stats.counter("chain", 1), stats.counter("draw", samples)};
  const auto write = [&](const char* name, std::span<const double> values, const char* description) {
    if (!values.empty()) stats.numbers(name, axes, values.data(), "", description);
  };
  write("log_q", densities.log_q, "ln q(z | x) of the neural posterior, density in z");
  write("log_likelihood", densities.log_likelihood, "ln p(data | theta)");
  write("log_density", densities.log_density,
        "ln of prior times likelihood, density in z; a binary's with soft barriers and a known period's density");
  write("log_prior", densities.log_prior,
        "ln N(z; 0, I); with a known period it holds the free fifth coordinate and lacks the period's own density");
  write("log_prior_ratio", densities.log_ratio,
        "ln of the ratio of the priors' densities, read under to made under, by which the samples were drawn");
}

void write_literature(NetcdfGroup& constant, std::span<const PosteriorColumn> columns,
                      std::span<const LiteratureValue> literature) {
  if (literature.empty()) return;
  const int quantity = constant.dimension("quantity", literature.size());
  std::vector<std::string> names, sources;
  std::vector<double> values, errors;
  for (const LiteratureValue& entry : literature) {
    names.push_back(columns[static_cast<std::size_t>(entry.quantity)].name);
    sources.push_back(entry.source);
    values.push_back(entry.value);
    errors.push_back(entry.error);
  }
  constant.texts("quantity", {quantity}, names);
  constant.texts("literature_source", {quantity}, sources);
  constant.numbers("literature_value", {quantity}, values.data(), "as in posterior", "published value");
  constant.numbers("literature_error", {quantity}, errors.data(), "as in posterior", "its error; 0: none given");
}

}  // namespace penumbra
