// The experiment experiments/observations: its statistics and tests on data whose answer is known, and a short run.
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <sys/wait.h>

#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <functional>

#include "base/text_table.h"
#include "experiments/observations/statistics.h"
#include "experiments/observations/two_sample.h"
#include "sim/space_mission.h"
#include "tests/app/run_program.h"

namespace penumbra {
namespace {

// 100 nights, every second one but for a season without any; two visits a night, .1 d apart, of three exposures.
Curve regular_survey(RandomStream& random) {
  Curve curve;
  for (int k = 0; k < 100; ++k) {
    const double night = 2.0 * k + (k < 50 ? 0.0 : 120.0);
    for (const double visit : {0.31, 0.41}) {
      for (const double exposure : {0.0, 0.001, 0.002}) {
        curve.time_day.push_back(night + visit + exposure);
        curve.flux.push_back(1.0 + 0.02 * random.normal());
        curve.sigma.push_back(0.01);
      }
    }
  }
  return curve;
}

TEST(ObservationStatistics, OfARegularSurvey) {
  RandomStream random(1, 0, Stage::kTest);
  const Statistics s = measure_ground(regular_survey(random), {2.0, false, 1.0});
  EXPECT_NEAR(s[kPoints], std::log10(600.0), 1e-12);
  EXPECT_NEAR(s[kError], -2.0, 1e-12);
  EXPECT_NEAR(s[kErrorSpread], 0.0, 1e-12);
  EXPECT_NEAR(s[kVisitPoints], std::log10(3.0), 1e-12);
  EXPECT_NEAR(s[kRevisits], 0.5, 1e-12);
  EXPECT_NEAR(s[kRevisitGap], std::log10(0.098), 1e-9);
  EXPECT_NEAR(s[kNightGap], std::log10(1.898), 1e-9);
  EXPECT_NEAR(s[kLongestGap], std::log10(121.898), 1e-9);
  EXPECT_NEAR(s[kSpan], std::log10(318.102), 1e-9);
  EXPECT_EQ(s[kPhaseBins], 2.0);  // about the phases .156 and .206 of two days
  EXPECT_NEAR(s[kPhaseGap], std::log10(0.949), 1e-9);
  EXPECT_NEAR(s[kPhaseGapNearOneDay], std::log10(0.898), 1e-9);
  EXPECT_NEAR(s[kScatter], std::log10(2.0), 0.12);  // a hundred pairs: 12% at 1.5 sigma
  EXPECT_NEAR(s[kScatterInVisit], std::log10(2.0), 0.06);
}

TEST(ObservationStatistics, ThinCurvesKeepWholeVisits) {
  RandomStream random(2, 0, Stage::kTest);
  Curve curve;
  for (int k = 0; k < 1500; ++k) {
    for (const double exposure : {0.0, 0.001}) {
      curve.time_day.push_back(k + exposure);
      curve.flux.push_back(k + exposure);
      curve.sigma.push_back(0.01);
    }
  }
  const Curve thin = leave_out_visits(curve, random);
  ASSERT_EQ(thin.time_day.size(), static_cast<std::size_t>(kMaxEpochs));
  EXPECT_EQ(thin.flux, thin.time_day);
  for (std::size_t i = 0; i < thin.time_day.size(); i += 2)
    EXPECT_NEAR(thin.time_day[i + 1], thin.time_day[i] + 0.001, 1e-9);

  const Curve mean = average_exposures(curve);  // one exposure or two in each stretch
  ASSERT_EQ(mean.time_day.size(), static_cast<std::size_t>(kMaxEpochs));
  double squares = 0.0;
  for (const double sigma : mean.sigma) squares += 1.0 / (sigma * sigma);
  EXPECT_NEAR(squares, 3000.0 / 1e-4, 1e-3);  // no information is lost
}

// Strata of differing level, so that only the comparison within each tells; the first member shifted and stretched.
std::vector<std::vector<double>> strata(double shift, double stretch, std::uint64_t seed) {
  RandomStream random(seed, 0, Stage::kTest);
  std::vector<std::vector<double>> all(40, std::vector<double>(30));
  for (std::size_t i = 0; i < all.size(); ++i) {
    for (double& value : all[i]) value = 0.2 * static_cast<double>(i) + random.normal();
    all[i][0] = 0.2 * static_cast<double>(i) + shift + stretch * (all[i][0] - 0.2 * static_cast<double>(i));
  }
  return all;
}

TEST(TwoSample, PValuesAreUniformWithoutADifference) {
  constexpr int kTrials = 200;
  int below_tenth = 0, below_half = 0;
  for (int trial = 0; trial < kTrials; ++trial) {
    RandomStream random(3, static_cast<std::uint64_t>(trial), Stage::kTest);
    const double p = kolmogorov_smirnov(strata(0.0, 1.0, 100u + static_cast<unsigned>(trial)), 199, random).p;
    below_tenth += p <= 0.1;
    below_half += p <= 0.5;
  }
  EXPECT_NEAR(below_tenth, 20, 13);  // three standard deviations
  EXPECT_NEAR(below_half, 100, 22);
}

TEST(TwoSample, FindsAShiftAndAStretch) {
  RandomStream random(4, 0, Stage::kTest);
  const TwoSample shifted = kolmogorov_smirnov(strata(1.0, 1.0, 5), 999, random);
  EXPECT_LT(shifted.p, 0.01);
  EXPECT_NEAR(shifted.superiority, 0.52, 0.2);  // 2 Phi(1 / sqrt 2) - 1
  std::vector<std::vector<std::vector<double>>> vectors;
  for (const auto& stratum : strata(0.0, 4.0, 6)) {
    vectors.emplace_back();
    for (const double value : stratum) vectors.back().push_back({value, random.normal()});
  }
  EXPECT_LT(energy_distance(vectors, 499, random).p, 0.02);
}

TEST(TwoSample, DistancesOfSmallSamples) {
  RandomStream random(7, 0, Stage::kTest);
  // Real 1 and 2; simulated 0, 3 and 0, 4: below 1 lies none of the real and half of the others.
  EXPECT_NEAR(kolmogorov_smirnov({{1.0, 0.0, 3.0}, {2.0, 0.0, 4.0}}, 9, random).distance, 0.5, 1e-12);
  // All members of a stratum alike in their ranks: no energy.
  EXPECT_NEAR(energy_distance({{{1.0}, {1.0}}, {{2.0}, {2.0}}}, 9, random).distance, 0.0, 1e-6);
  EXPECT_NEAR(kolmogorov_smirnov({{NAN, 0.0}, {1.0, 1.0}, {2.0, NAN}, {2.0, 2.0}}, 9, random).distance, 0.0, 1e-12);
}

TEST(ObservationsExperiment, Runs) {
  if (!tables_exist()) GTEST_SKIP() << "no data tables: run tools/setup.sh";
  const ScratchFolder scratch("observations");
  const std::filesystem::path here = std::filesystem::path(PENUMBRA_SOURCE_DIR) / "experiments" / "observations";
  const std::string command =
      fmt::format("'{}' '{}' '{}' '{}' --draft >'{}' 2>&1", (here / "run.sh").string(), (here / "smoke.toml").string(),
                  PENUMBRA_BUILD_DIR, scratch.path().string(), (scratch.path() / "log").string());
  const int code = WEXITSTATUS(std::system(command.c_str()));
  const std::string log = read_text(scratch.path() / "log");
  if (code == 77) GTEST_SKIP() << log;
  ASSERT_EQ(code, 0) << log;

  // Five channels with their statistics and one of all, 18 measured bands, the parallax, four of eclipsing binaries.
  const TextTable tests = TextTable::read(scratch.path() / "tests.csv");
  EXPECT_EQ(tests.rows(), 4 * 17 + 10 + 18 + 1 + 4u);
  for (const char* column : {"p", "p_holm", "distance"}) {
    for (const double value : tests.numbers(column)) {
      EXPECT_GE(value, 0.0) << column;
      EXPECT_LE(value, 1.0) << column;
    }
  }
  EXPECT_EQ(TextTable::read(scratch.path() / "nearest.csv").rows(), 38u);
  for (const char* name : {"distributions.csv", "errors.csv", "catalogue_errors.csv", "detections.csv"})
    EXPECT_TRUE(std::filesystem::exists(scratch.path() / name)) << name;
  for (const char* name : {"distributions", "effects", "errors", "catalogue_errors", "eclipsing_binaries", "nearest"})
    EXPECT_GT(std::filesystem::file_size(scratch.path() / "figures" / (std::string(name) + ".png")), 1000u) << name;
}

}  // namespace
}  // namespace penumbra
