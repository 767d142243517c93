#include "inference/array_inference.h"

#include <fmt/format.h>

#include "inference/posterior_groups.h"

namespace penumbra {

ArrayPosterior infer_array(const NeuralPosterior& posterior, const Coordinates& coordinates,
                           const ObservationSet& observations, std::size_t observation, int samples,
                           std::uint64_t seed) {
  std::vector<float> z, log_q;
  const SystemView view = observations.view(observation);
  posterior.sample(view, samples, seed, observation, z, log_q);
  const std::size_t width = coordinates.parameter_count(), count = log_q.size();
  ArrayPosterior result{std::vector<double>(count * width), std::vector<double>(count)};
  for (std::size_t s = 0; s < count; ++s) {
    coordinates.restore(&z[s * width], view.inputs[0], &result.theta[s * width]);
    result.log_q[s] = static_cast<double>(log_q[s]) - coordinates.log_jacobian(&z[s * width], view.inputs[0]);
  }
  return result;
}

std::vector<PosteriorColumn> array_columns(const ArrayPosterior& posterior, const Coordinates& coordinates) {
  const std::size_t count = posterior.log_q.size(), width = coordinates.parameter_count();
  std::vector<PosteriorColumn> columns;
  for (std::size_t p = 0; p < width; ++p) {
    std::vector<double> values(count);
    for (std::size_t s = 0; s < count; ++s) values[s] = posterior.theta[s * width + p];
    const int decimals = decimals_of_spread(values);
    columns.push_back({coordinates.names()[p], "", "parameter of the simulator", decimals, std::move(values)});
  }
  return columns;
}

void write_array_posterior(const std::filesystem::path& file, const std::string& object, const PosteriorFacts& facts,
                           const ArrayPosterior& posterior, const Coordinates& coordinates, const double* x) {
  NetcdfWriter writer(file);
  write_facts(writer, object, facts);
  write_columns(writer, array_columns(posterior, coordinates));
  NetcdfGroup stats(writer, "sample_stats");
  stats.numbers("log_q", {stats.counter("chain", 1), stats.counter("draw", posterior.log_q.size())},
                posterior.log_q.data(), "", "ln q(theta | x) of the neural posterior");
  NetcdfGroup observed(writer, "observed_data");
  std::vector<int> shape;
  for (const std::int64_t extent : coordinates.x_shape()) {
    shape.push_back(observed.dimension(fmt::format("x_dim_{}", shape.size()), static_cast<std::size_t>(extent)));
  }
  observed.numbers("x", shape, x, "", "the observation");
  writer.commit();
}

}  // namespace penumbra
