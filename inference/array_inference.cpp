#include "inference/array_inference.h"

#include <fmt/format.h>

#include <algorithm>

#include "inference/netcdf_file.h"
#include "inference/quantile.h"

namespace penumbra {

ArrayPosterior infer_array(const NeuralPosterior& posterior, const Coordinates& coordinates,
                           const ObservationSet& observations, std::size_t observation, int samples,
                           std::uint64_t seed) {
  std::vector<float> z, log_q;
  posterior.sample(observations.view(observation), samples, seed, observation, z, log_q);
  const std::size_t width = coordinates.parameter_count(), count = log_q.size();
  ArrayPosterior result{std::vector<double>(count * width), std::vector<double>(count)};
  for (std::size_t s = 0; s < count; ++s) {
    coordinates.restore(&z[s * width], &result.theta[s * width]);
    result.log_q[s] = static_cast<double>(log_q[s]) - coordinates.log_jacobian(&z[s * width]);
  }
  return result;
}

void write_array_posterior(const std::filesystem::path& file, const ArrayPosterior& posterior,
                           const Coordinates& coordinates, const double* x,
                           const std::vector<std::pair<std::string, std::string>>& attributes) {
  NetcdfWriter writer(file);
  writer.attribute("method", "neural posterior estimation");
  for (const auto& [name, value] : attributes) writer.attribute(name, value);
  const std::size_t count = posterior.log_q.size(), width = coordinates.parameter_count();
  NetcdfGroup samples(writer, "posterior");
  const std::vector<int> axes{samples.counter("chain", 1), samples.counter("draw", count)};
  std::vector<double> column(count);
  for (std::size_t p = 0; p < width; ++p) {
    for (std::size_t s = 0; s < count; ++s) column[s] = posterior.theta[s * width + p];
    samples.numbers(coordinates.names()[p], axes, column.data(), "", "parameter of the simulator");
  }
  NetcdfGroup stats(writer, "sample_stats");
  stats.numbers("log_q", {stats.counter("chain", 1), stats.counter("draw", count)}, posterior.log_q.data(), "",
                "ln q(theta | x) of the neural posterior");
  NetcdfGroup observed(writer, "observed_data");
  std::vector<int> shape;
  for (const std::int64_t extent : coordinates.x_shape()) {
    shape.push_back(observed.dimension(fmt::format("x_dim_{}", shape.size()), static_cast<std::size_t>(extent)));
  }
  observed.numbers("x", shape, x, "", "the observation");
  writer.commit();
}

std::string array_summary_table(const ArrayPosterior& posterior, const Coordinates& coordinates) {
  std::string text = fmt::format("{:<16}{:>12}{:>28}{:>28}\n", "parameter", "median", "68%", "90%");
  const std::size_t count = posterior.log_q.size(), width = coordinates.parameter_count();
  std::vector<double> column(count);
  for (std::size_t p = 0; p < width; ++p) {
    for (std::size_t s = 0; s < count; ++s) column[s] = posterior.theta[s * width + p];
    std::sort(column.begin(), column.end());
    const auto interval = [&](double level) {
      return fmt::format("{:.5g} - {:.5g}", quantile(column, 0.5 - 0.5 * level), quantile(column, 0.5 + 0.5 * level));
    };
    text += fmt::format("{:<16}{:>12.5g}{:>28}{:>28}\n", coordinates.names()[p], quantile(column, 0.5), interval(0.68),
                        interval(0.90));
  }
  return text;
}

}  // namespace penumbra
