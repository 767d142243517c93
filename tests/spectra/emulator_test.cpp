#include "spectra/emulator.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <stdexcept>
#include <string>
#include <vector>

#include "base/error.h"
#include "tests/spectra/line_spectrum.h"
#include "tests/spectra/random_emulator.h"

namespace penumbra {
namespace {

namespace fs = std::filesystem;

class EmulatorTest : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    folder_ = fs::temp_directory_path() / ("penumbra_emulator_" + std::to_string(::getpid()));
    fs::create_directories(folder_);
  }
  static void TearDownTestSuite() { fs::remove_all(folder_); }
  static Emulator emulator_of(const EmulatorArrays& arrays) {
    arrays.write(folder_ / "emulator.h5");
    return Emulator::load(folder_ / "emulator.h5");
  }
  static std::string message_of(const EmulatorArrays& arrays) {
    try {
      emulator_of(arrays);
    } catch (const UserError& error) {
      return error.what();
    }
    return "no UserError";
  }
  static std::vector<float> spectra(const Emulator& emulator, const std::vector<Labels>& labels) {
    std::vector<float> flux(labels.size() * kPixelCount);
    emulator.evaluate(labels, flux);
    return flux;
  }

  static inline fs::path folder_;
};

// The formula of data/spectra/README.md term by term in double precision.
std::vector<double> by_the_formula(const EmulatorArrays& a, const Labels& labels) {
  std::vector<double> x(a.inputs);
  for (std::size_t i = 0; i < a.inputs; ++i) {
    const bool to_hydrogen = a.labels[i].ends_with("_h") && a.labels[i] != "fe_h";
    const double value = labels[i] + (to_hydrogen ? labels[18] : 0.0);
    x[i] = (value - a.x_min[i]) / (a.x_max[i] - a.x_min[i]) - 0.5;
  }
  const auto layer = [](const std::vector<float>& w, const std::vector<float>& b, const std::vector<double>& in) {
    std::vector<double> out(b.begin(), b.end());
    for (std::size_t o = 0; o < out.size(); ++o) {
      for (std::size_t i = 0; i < in.size(); ++i) out[o] += static_cast<double>(w[o * in.size() + i]) * in[i];
    }
    return out;
  };
  const auto f = [](std::vector<double> z) {
    for (double& v : z) v = std::max(v, 0.0) + 0.01 * std::min(v, 0.0);
    return z;
  };
  return layer(a.w2, a.b2, f(layer(a.w1, a.b1, f(layer(a.w0, a.b0, x)))));
}

TEST_F(EmulatorTest, FollowsTheFormula) {
  const EmulatorArrays arrays(kEmulatorLabelCount, 37, 53);
  const Emulator emulator = emulator_of(arrays);
  RandomStream random(3, 0, Stage::kTest);
  std::vector<Labels> labels;
  for (int b = 0; b < 70; ++b) {  // more than one part of a batch
    labels.push_back(random_labels(random));
    labels.back()[kLabelVelocity] = 0.0;
  }
  const std::vector<float> flux = spectra(emulator, labels);
  for (std::size_t b = 0; b < labels.size(); b += 23) {
    const std::vector<double> expected = by_the_formula(arrays, labels[b]);
    for (std::size_t p = 0; p < kPixelCount; ++p) ASSERT_NEAR(flux[b * kPixelCount + p], expected[p], 2e-6);
  }
  // A batch is as good as its stars one by one.
  const std::vector<float> alone = spectra(emulator, {labels[66]});
  for (std::size_t p = 0; p < kPixelCount; ++p) ASSERT_NEAR(alone[p], flux[66 * kPixelCount + p], 1e-6);
}

// The file that The Payne publishes: no labels, Teff in units of 1000 K.
TEST_F(EmulatorTest, ReadsThePaynesOwnFile) {
  const EmulatorArrays arrays(kEmulatorLabelCount, 12, 10);
  const Emulator ours = emulator_of(arrays);
  std::ofstream(folder_ / "convert.py") << R"(
import sys, h5py, numpy as np
with h5py.File(sys.argv[1] + "/emulator.h5") as f:
    arrays = {name: f[name][:] for name in f if name != "labels"}
for name in ("x_min", "x_max"):
    arrays[name][0] /= 1000
np.savez(sys.argv[1] + "/payne.npz", **arrays)
del arrays["b_array_1"]
np.savez(sys.argv[1] + "/incomplete.npz", **arrays)
)";
  const std::string call =
      std::string(PENUMBRA_PYTHON) + " " + (folder_ / "convert.py").string() + " " + folder_.string();
  ASSERT_EQ(std::system(call.c_str()), 0);
  RandomStream random(4, 0, Stage::kTest);
  const std::vector<Labels> labels{random_labels(random)};
  EXPECT_EQ(spectra(Emulator::load(folder_ / "payne.npz"), labels), spectra(ours, labels));
  try {
    Emulator::load(folder_ / "incomplete.npz");
    FAIL() << "no UserError";
  } catch (const UserError& error) {
    EXPECT_NE(std::string(error.what()).find("incomplete.npz: has no array b_array_1"), std::string::npos);
  }
}

TEST_F(EmulatorTest, RefusesWrongFiles) {
  const EmulatorArrays good(kEmulatorLabelCount, 6, 5);
  EmulatorArrays arrays = good;
  arrays.x_min[3] = arrays.x_max[3];
  EXPECT_NE(message_of(arrays).find("for c_h: expected less than x_max"), std::string::npos);
  arrays = good;
  arrays.labels[4] = "uranium_h";
  EXPECT_NE(message_of(arrays).find("labels: \"uranium_h\" is not a label"), std::string::npos);
  arrays = good;
  arrays.labels[4] = "c_h";
  EXPECT_NE(message_of(arrays).find("\"c_h\" is there twice"), std::string::npos);
  arrays = good;
  arrays.w1[7] = NAN;
  EXPECT_NE(message_of(arrays).find("w_array_1: holds a number that is not finite"), std::string::npos);
  arrays = good;
  arrays.b1.pop_back();
  --arrays.hidden2;
  arrays.w1.resize(arrays.hidden1 * arrays.hidden2);
  arrays.w2.resize(arrays.hidden2 * kPixelCount);
  EXPECT_EQ(message_of(arrays), "no UserError");
  arrays.b0.pop_back();
  arrays.b0.push_back(0.0f);
  arrays.labels.pop_back();
  EXPECT_NE(message_of(arrays).find("w_array_0: shape [6, 25], expected [any, 24]"), std::string::npos);
  EXPECT_THROW(Emulator::load(folder_ / "absent.h5"), UserError);
}

TEST_F(EmulatorTest, SaysWhatItCannotCompute) {
  const Emulator emulator = emulator_of(EmulatorArrays(kEmulatorLabelCount, 6, 5));
  RandomStream random(5, 0, Stage::kTest);
  const Labels good = random_labels(random);
  const auto status_with = [&](int label, double value) {
    Labels labels = good;
    labels[static_cast<std::size_t>(label)] = value;
    EXPECT_EQ(std::isnan(spectra(emulator, {labels})[100]), emulator.status(labels) != SpectrumStatus::kOk);
    return emulator.status(labels);
  };
  EXPECT_EQ(emulator.status(good), SpectrumStatus::kOk);
  EXPECT_EQ(status_with(kLabelTeff, 8000.05), SpectrumStatus::kOk);
  EXPECT_EQ(status_with(kLabelTeff, 8100.0), SpectrumStatus::kOutsideEmulator);
  EXPECT_EQ(status_with(kLabelCarbon, -4.5), SpectrumStatus::kOutsideEmulator);
  EXPECT_EQ(status_with(kLabelIron, 1.0), SpectrumStatus::kOutsideEmulator);
  EXPECT_EQ(status_with(kLabelVmicro, NAN), SpectrumStatus::kNotFinite);
  EXPECT_EQ(status_with(kLabelVelocity, 200.0), SpectrumStatus::kOk);
  EXPECT_EQ(status_with(kLabelVelocity, -210.0), SpectrumStatus::kTooFast);
  EXPECT_EQ(status_with(kLabelVelocity, 1e9), SpectrumStatus::kTooFast);
  EXPECT_TRUE(emulator.has(kLabelGermanium));
  EmulatorArrays without(kEmulatorLabelCount, 6, 5);
  for (std::size_t h = 0; h < 6; ++h) without.w0[h * without.inputs + kLabelGermanium] = 0.0f;
  EXPECT_FALSE(emulator_of(without).has(kLabelGermanium));
  std::vector<float> flux(kPixelCount - 1);
  EXPECT_THROW(emulator.evaluate(std::vector<Labels>{good}, flux), std::invalid_argument);
}

TEST_F(EmulatorTest, MovesAndBroadensLines) {
  const Emulator lines = emulator_of(constant_emulator(line_spectrum()));
  RandomStream random(7, 0, Stage::kTest);
  Labels labels = random_labels(random);
  for (const double velocity : {0.0, 0.3, -1.7, 2.07, 4.9, -60.0}) {
    for (const double vmacro : {0.0, 0.1, 3.0, 12.0, 30.0}) {
      labels[kLabelVelocity] = velocity;
      labels[kLabelVmacro] = vmacro;
      const std::vector<float> flux = spectra(lines, {labels});
      // Doppler's formula for a star that recedes; a pixel is 6e-6 in log10.
      const double beta = velocity / 299792.458;
      const double shift = std::log10(std::sqrt((1 + beta) / (1 - beta))) / 6e-6;
      const double broadening = vmacro / 2.354820 / 299792.458 / (std::log(10.0) * 6e-6);
      const std::vector<double> expected = line_spectrum(shift, std::hypot(kLineSigma, broadening));
      double worst = 0.0;
      for (std::size_t p = 0; p < kPixelCount; ++p) worst = std::max(worst, std::fabs(flux[p] - expected[p]));
      std::printf("v %5.2f, vmacro %4.1f km/s: largest error %.1e\n", velocity, vmacro, worst);
      EXPECT_LT(worst, velocity == 0.0 && vmacro == 0.0 ? 1e-7 : 2e-4);
    }
  }
}

TEST_F(EmulatorTest, LeavesTheContinuum) {
  const Emulator flat = emulator_of(constant_emulator(std::vector<double>(kPixelCount, 1.0)));
  RandomStream random(8, 0, Stage::kTest);
  for (int i = 0; i < 20; ++i) {
    for (const float flux : spectra(flat, {random_labels(random)})) ASSERT_NEAR(flux, 1.0f, 2e-6f);
  }
}

}  // namespace
}  // namespace penumbra
