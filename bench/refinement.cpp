// Exact posteriors of simulated systems: how importance weights and the MCMC fare, and where the truth ranks among the
// draws (simulation-based calibration). One CSV row a system, as it is done.
// usage: refinement CHECKPOINT DATA FIRST COUNT [METHOD [BUDGET [SAMPLES]]]
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>

#include "app/options.h"
#include "inference/likelihood.h"
#include "inference/neural_inference.h"
#include "nn/device.h"

namespace penumbra {
namespace {

void run(int argc, char** argv) {
  const std::filesystem::path checkpoint = argv[1], data = argv[2];
  const std::uint64_t first = std::strtoull(argv[3], nullptr, 10), count = std::strtoull(argv[4], nullptr, 10);
  InferenceOptions options;
  options.refine.method = Refinement::kAuto;
  if (argc > 5)
    options.refine.method =
        static_cast<Refinement>(std::ranges::find(kRefinementNames, argv[5]) - kRefinementNames.begin());
  if (argc > 6) options.refine.budget = std::atoll(argv[6]);
  if (argc > 7) options.samples = std::atoi(argv[7]);
  options.threads = 1;
  options.predictions = 1;
  set_torch_threads(1);
  const NeuralPosterior posterior = NeuralPosterior::load(checkpoint, "cpu");
  const LoadedSimulator simulator(
      data, read_simulation_settings(Config::parse(posterior.info().provenance.simulation, checkpoint.string())));
  for (std::uint64_t index = first; index < first + count; ++index) {
    Simulation simulation;
    simulator->simulate(1'000'000, index, simulation);
    Object object;
    object.name = fmt::format("system {}", index);
    object.observation = simulation.observation;
    const auto start = std::chrono::steady_clock::now();
    std::size_t curves = 0, bands = 0;
    for (const LightCurve& curve : object.observation.light_curves) curves += curve.empty() ? 0 : 1;
    for (const double flux : object.observation.sed_flux_jy) bands += std::isfinite(flux) ? 1 : 0;
    try {
      const PosteriorRecord record = infer_object(*simulator, posterior, object, options).record;
      const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
      const auto fact = [&](const char* name) {
        for (const auto& [key, value] : record.refinement)
          if (key == name) return value;
        return std::string("nan");
      };
      fmt::print("{},{},{},{:.1f}", index, curves, bands, seconds);
      for (const char* name :
           {"importance_effective_size", "pareto_k", "log_evidence", "mcmc_r_hat", "mcmc_effective_size",
            "mcmc_autocorrelation_time", "mcmc_acceptance", "mcmc_evaluations"})
        fmt::print(",{}", fact(name));
      for (std::size_t p = 0; p < kParameterCount; ++p) {
        double below = 0.0;
        for (const Theta& theta : record.samples.theta) below += theta[p] < simulation.draw.theta[p] ? 1.0 : 0.0;
        fmt::print(",{:.4f}", below / static_cast<double>(record.samples.theta.size()));
      }
      // The density itself ranks the truth in all parameters at once.
      Latent z;
      simulator->prior().latent_from_theta(simulation.draw.theta, z);
      const PosteriorPoint truth = ExactPosterior(*simulator, object.observation, 1).evaluate(z);
      double denser = 0.0;
      for (const double density : record.samples.log_density) denser += density > truth.log_density() ? 1.0 : 0.0;
      fmt::print(",{:.4f},{:.1f},{:.1f}\n", denser / static_cast<double>(record.samples.theta.size()),
                 truth.log_density(), *std::ranges::max_element(record.samples.log_density));
    } catch (const OutsidePrior& outside) {
      fmt::print("{},{},{},outside: {}\n", index, curves, bands, outside.what());
    }
    std::fflush(stdout);
  }
}

}  // namespace
}  // namespace penumbra

int main(int argc, char** argv) {
  if (argc < 5) {
    fmt::print(stderr, "usage: refinement CHECKPOINT DATA FIRST COUNT [METHOD [BUDGET [SAMPLES]]]\n");
    return 2;
  }
  penumbra::run(argc, argv);
  return 0;
}
