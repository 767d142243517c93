#include "inference/calibration.h"

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>

#include "base/atomic_file.h"
#include "base/error.h"
#include "base/random.h"

namespace penumbra {
namespace {

TEST(UniformKs, KnownValues) {
  // One value at .5: D = .5 exactly; the corrected statistic is (1 + .12 + .11) * .5 = .615.
  std::vector<double> one{0.5};
  EXPECT_NEAR(uniform_ks(one).p, 0.844, 0.002);
  // Evenly spaced midpoints are as uniform as can be.
  std::vector<double> even;
  for (int i = 0; i < 200; ++i) even.push_back((i + 0.5) / 200);
  EXPECT_GT(uniform_ks(even).p, 0.999);
  // All in one half: impossible by chance.
  for (double& v : even) v *= 0.5;
  EXPECT_LT(uniform_ks(even).p, 1e-12);
}

TEST(UniformKs, PValuesAreUniformUnderTheNull) {
  int below = 0;
  for (int trial = 0; trial < 2000; ++trial) {
    RandomStream random(7, trial, Stage::kTest);
    std::vector<double> values(50);
    for (double& v : values) v = random.uniform();
    below += uniform_ks(values).p < 0.1;
  }
  EXPECT_NEAR(below / 2000.0, 0.1, 0.025);
}

// truth ~ N(0, 1), datum = truth + N(0, 1): posterior N(datum / 2, 1 / sqrt 2), made `width` times wider.
Calibration gaussian_calibration(double width, std::uint64_t seed = 3, int systems = 1500) {
  Calibration calibration;
  for (int n = 0; n < systems; ++n) {
    RandomStream random(seed, n, Stage::kTest);
    Theta truth, datum;
    for (int p = 0; p < kParameterCount; ++p) {
      truth[p] = random.normal();
      datum[p] = truth[p] + random.normal();
    }
    std::vector<Theta> samples(199);
    for (Theta& sample : samples)
      for (int p = 0; p < kParameterCount; ++p) sample[p] = 0.5 * datum[p] + width * std::sqrt(0.5) * random.normal();
    calibration.add(truth, samples);
    const double error = (truth[0] - 0.5 * datum[0]) / (width * std::sqrt(0.5));
    calibration.add_log_q(-0.5 * error * error - std::log(width * std::sqrt(0.5)));
  }
  return calibration;
}

TEST(Calibration, ExactPosteriorIsCalibrated) {
  for (const ParameterCalibration& c : gaussian_calibration(1.0).summary()) {
    EXPECT_GT(c.ks_p, 1e-3);
    for (std::size_t level = 0; level < kCoverageLevels.size(); ++level)
      EXPECT_NEAR(c.coverage[level], kCoverageLevels[level], 0.045);
    EXPECT_NEAR(c.median_width68, 2 * 0.99446 * std::sqrt(0.5), 0.04);
    EXPECT_NEAR(c.rms_error_over_prior, std::sqrt(0.5), 0.05);
  }
}

TEST(Calibration, OverconfidentPosteriorIsCaught) {
  for (const ParameterCalibration& c : gaussian_calibration(0.7).summary()) {
    EXPECT_LT(c.ks_p, 1e-3);
    EXPECT_LT(c.coverage[1], 0.58);
  }
}

class Record : public ::testing::Test {
 protected:
  Record() : file_(std::filesystem::temp_directory_path() / fmt::format("penumbra_record_{}.csv", ::getpid())) {}
  ~Record() override { std::filesystem::remove(file_); }
  std::filesystem::path file_;
};

TEST_F(Record, HoldsForOtherSystemsOfTheSameKind) {
  CalibrationRecord::write(file_, gaussian_calibration(1.0), {"of a test"});
  EXPECT_EQ(CalibrationRecord::read(file_).departures(gaussian_calibration(1.0, 4, 800)), std::vector<std::string>{});
}

TEST_F(Record, ADifferentPosteriorDeparts) {
  CalibrationRecord::write(file_, gaussian_calibration(1.0), {});
  const CalibrationRecord record = CalibrationRecord::read(file_);
  EXPECT_GT(record.departures(gaussian_calibration(0.7, 4, 800)).size(), 3U * kParameterCount);
  // Narrow by 1.4 or wide by 1.3: neither shifts the mean rank.
  for (const std::string& line : record.departures(gaussian_calibration(1.3, 4, 800)))
    EXPECT_EQ(line.find("mean_rank"), std::string::npos) << line;
}

TEST_F(Record, ALessInformativePosteriorDepartsThoughItIsCalibrated) {
  CalibrationRecord::write(file_, gaussian_calibration(1.0), {});
  Calibration prior;  // answers with the prior whatever the datum
  for (int n = 0; n < 800; ++n) {
    RandomStream random(5, n, Stage::kTest);
    Theta truth;
    for (double& value : truth) value = random.normal();
    std::vector<Theta> samples(199);
    for (Theta& sample : samples)
      for (double& value : sample) value = random.normal();
    prior.add(truth, samples);
    prior.add_log_q(-0.5 * truth[0] * truth[0]);
  }
  const std::vector<std::string> departures = CalibrationRecord::read(file_).departures(prior);
  ASSERT_EQ(departures.size(), 1U);
  EXPECT_TRUE(departures[0].starts_with("ln_q of all is")) << departures[0];
}

TEST_F(Record, DamagedFilesAreRefusedWithTheReason) {
  const auto message = [this](const std::string& content) -> std::string {
    write_text_file(file_, content);
    try {
      return fmt::format("{} departures", CalibrationRecord::read(file_).departures(gaussian_calibration(1.0)).size());
    } catch (const UserError& error) {
      return error.what();
    }
  };
  const std::string names = "parameter,statistic,value,scatter,systems\n";
  EXPECT_NE(message(names + "msum,coverage50,.5,.5,1000\n").find("coverage68 of msum is missing"), std::string::npos);
  EXPECT_NE(message(names + "mass,coverage50,.5,.5,1000\n").find("coverage50 of mass is not"), std::string::npos);
  EXPECT_NE(message(names + "msum,coverage50,.5,-1,1000\n").find(":2: scatter -1"), std::string::npos);
  EXPECT_NE(message("parameter,statistic,value\nmsum,coverage50,.5\n").find("no column 'scatter'"), std::string::npos);
}

}  // namespace
}  // namespace penumbra
