// Do simulated light curves, photometry and parallaxes look like those of stars that the banks have not seen?
// usage: experiment_observations CONFIG.toml REAL.h5 BANK_WITHOUT_HALF_0.h5 BANK_WITHOUT_HALF_1.h5 OUT_FOLDER
#include <fmt/format.h>

#include <cstdio>
#include <exception>

#include "base/atomic_file.h"
#include "base/config.h"
#include "base/provenance.h"
#include "base/sha256.h"
#include "experiments/observations/compare.h"
#include "experiments/observations/nearest.h"
#include "inference/uniformity.h"
#include "sim/simulation_settings.h"

namespace penumbra {
namespace {

// One row a test; p_holm: corrected for all tests of the experiment.
std::string tests_csv(const std::vector<NamedTest>& tests) {
  std::vector<double> p;
  for (const NamedTest& test : tests) p.push_back(test.result.p);
  const std::vector<double> corrected = holm(p);
  std::string csv = "what,statistic,stars,distance,superiority,p,p_holm,real_median,simulated_median\n";
  for (std::size_t i = 0; i < tests.size(); ++i) {
    const NamedTest& t = tests[i];
    csv += fmt::format("{},{},{},{:.3f},{:.3f},{:.4g},{:.4g},{:.4g},{:.4g}\n", t.what, t.statistic, t.result.stars,
                       t.result.distance, t.result.superiority, t.result.p, corrected[i], t.real_middle,
                       t.simulated_middle);
  }
  return csv;
}

void run(const std::filesystem::path& config_file, const std::filesystem::path& real_file,
         const std::filesystem::path (&bank_files)[kHalves], const std::filesystem::path& out) {
  const Config config = Config::load(config_file);
  const Range positive{1.0, 1e7};
  const auto count = [&](const char* key) { return static_cast<int>(config.number(key, positive)); };
  const auto seed = static_cast<std::uint64_t>(config.integer("seed", 1, {0.0}));
  const int permutations = count("permutations"),
            threads = static_cast<int>(config.integer("threads", 1, {0.0, 1024.0}));
  const ComparisonSettings comparison{
      seed, count("curves_per_star"), count("errors_per_row"), count("most_rows"), permutations, threads};
  const NearestSettings nearest{
      seed, count("library"), count("stand_ins"), count("phase_bins"), count("detections"), permutations, threads};
  const PriorSpec prior = named_prior(config.choice("prior", {"paper", "field"}));
  config.finish();

  const RealData real = RealData::load(real_file);
  const Surveys banks[kHalves]{Surveys::load(bank_files[0]), Surveys::load(bank_files[1])};
  const Tables tables = Tables::load(default_data_folder());
  const Simulator simulator(tables, Prior(prior, tables.tracks.view(), tables.dust.view()));

  const Comparison curves = compare_curves(real, banks, comparison);
  const Comparison catalogues = compare_catalogues(real, banks, comparison);
  const NearestResult binaries = find_nearest(real, simulator, nearest);
  std::vector<NamedTest> tests = curves.tests;
  tests.insert(tests.end(), catalogues.tests.begin(), catalogues.tests.end());
  tests.insert(tests.end(), binaries.tests.begin(), binaries.tests.end());

  std::string provenance = fmt::format("commit = \"{}\"\ncreated = \"{}\"\nconfig_sha256 = \"{}\"\n", program_commit(),
                                       utc_now(), config.sha256());
  for (int h = 0; h < kHalves; ++h)
    provenance += fmt::format("bank_without_half_{}_sha256 = \"{}\"\n", h, sha256_of_file(bank_files[h]));
  provenance += "\n[config]\n" + config.resolved();
  write_text_files({{out / "tests.csv", tests_csv(tests)},
                    {out / "distributions.csv", curves.distributions},
                    {out / "errors.csv", curves.errors},
                    {out / "catalogue_errors.csv", catalogues.errors},
                    {out / "detections.csv", compare_detections(real, simulator, nearest)},
                    {out / "nearest.csv", binaries.distances},
                    {out / "work" / "catalogue_rows.csv", catalogues.rows},
                    {out / "work" / "light_curves.csv", binaries.curves},
                    {out / "provenance.toml", provenance}});
  fmt::print("{}: {} tests, {} eclipsing binaries\n", out.string(), tests.size(), binaries.binaries);
}

}  // namespace
}  // namespace penumbra

int main(int argc, char** argv) {
  if (argc != 6) {
    std::fputs("usage: experiment_observations CONFIG.toml REAL.h5 BANK_WITHOUT_HALF_0.h5 BANK_WITHOUT_HALF_1.h5 OUT\n",
               stderr);
    return 2;
  }
  try {
    penumbra::run(argv[1], argv[2], {argv[3], argv[4]}, argv[5]);
  } catch (const penumbra::UserError& error) {
    fmt::print(stderr, "error: {}\n", error.what());
    return 2;
  } catch (const std::exception& error) {
    fmt::print(stderr, "error: {}\n", error.what());
    return 1;
  }
  return 0;
}
