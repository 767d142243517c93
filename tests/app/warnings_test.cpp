// Objects that the prior does not describe are warned about, in the table and in the posterior file; others are not.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "base/hdf5_file.h"
#include "sim/constants.h"
#include "sim/passbands.h"
#include "tests/app/run_program.h"

namespace penumbra {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kSystems = 60;

// What `penumbra simulate` wrote about one system, as an object file sees it.
class Simulated {
 public:
  explicit Simulated(const fs::path& file) : file_(file) {}

  struct Curve {
    std::vector<double> phase, flux, sigma;
    double exposure_day = 0.0;
  };
  Curve curve(std::size_t system, std::size_t channel) const {
    const std::string group = fmt::format("/light_curves/{}/", kChannels[channel].name);
    const std::vector<std::int64_t> offset = file_.integers(group + "offset");
    const auto part = [&](const char* name) {
      const std::vector<float> all = file_.floats(group + name);
      return std::vector<double>(all.begin() + offset[system], all.begin() + offset[system + 1]);
    };
    return {part("phase"), part("flux"), part("sigma"), file_.doubles(group + "exposure_day")[system]};
  }
  double period_day(std::size_t system) const { return file_.doubles("/period_day")[system]; }

  // Photometry and parallax of a system as lines of an object file.
  std::string photometry(std::size_t system) const {
    std::string text;
    const double parallax = file_.doubles("/parallax_mas")[system];
    if (std::isfinite(parallax)) {
      text += fmt::format("parallax_mas = {}\nparallax_error_mas = {}\n", parallax,
                          file_.doubles("/parallax_sigma_mas")[system]);
    }
    text += "[photometry]\n";
    const std::vector<double> flux = file_.doubles("/sed/flux_jy"), sigma = file_.doubles("/sed/sigma_jy");
    for (std::size_t k = 0; k < kSedBandCount; ++k) {
      const std::size_t at = system * kSedBandCount + k;
      if (flux[at] > 0.0) {
        text += fmt::format("\"{}\" = {{ flux_jy = {}, error = {} }}\n", kPassbands[k].name, flux[at], sigma[at]);
      }
    }
    return text;
  }

 private:
  Hdf5Reader file_;
};

class Warnings : public ::testing::Test {
 protected:
  void SetUp() override {
    if (!tables_exist()) GTEST_SKIP() << "data/tables is made by tools/setup.sh";
    if (!fs::exists(checkpoint_)) GTEST_SKIP() << checkpoint_ << " is made by `make train`";
    ASSERT_EQ(run({"simulate", "--systems", std::to_string(kSystems), "--seed", "31", "--out", "simulated.h5"}), 0);
    simulated_ = std::make_unique<Simulated>(folder_.path() / "simulated.h5");
  }

  int run(const std::vector<std::string>& arguments) {
    result_ = run_program(arguments, folder_.path());
    return result_.exit_code;
  }

  // An object file whose epochs lie in two consecutive periods, so that it can be folded on another one.
  void write_object(const std::string& name, double period_day, const std::string& photometry,
                    const std::vector<std::pair<std::size_t, Simulated::Curve>>& curves, double true_period_day) {
    std::string text = fmt::format("period_day = {}\nepoch = 0.0\n", period_day);
    std::string tables;
    for (const auto& [channel, curve] : curves) {
      const std::string file = fmt::format("{}_{}.csv", name, channel);
      std::string rows = "time,flux,error\n";
      for (const std::size_t half : {0, 1}) {
        for (std::size_t t = half; t < curve.phase.size(); t += 2) {
          rows += fmt::format("{:.9f},{:.7f},{:.7f}\n", (curve.phase[t] + static_cast<double>(half)) * true_period_day,
                              curve.flux[t], curve.sigma[t]);
        }
      }
      write_text(folder_.path() / file, rows);
      tables += fmt::format("[[light_curve]]\nchannel = '{}'\nfile = '{}'\nflux = 'flux'\nexposure_s = {}\n",
                            kChannels[channel].name, file, 86400.0 * curve.exposure_day);
    }
    write_text(folder_.path() / (name + ".toml"), text + photometry + tables);
    objects_.push_back(name + ".toml");
  }

  // The warnings of each object, after checking that the table prints those that the file holds. An object that infer
  // refuses, since no sample of the network is in the prior, has its message.
  std::vector<std::string> infer() {
    std::vector<std::string> arguments{"infer"};
    arguments.insert(arguments.end(), objects_.begin(), objects_.end());
    for (const char* option : {"--samples", "500", "--out", "out", "--device", "cpu", "--checkpoint"})
      arguments.emplace_back(option);
    arguments.push_back(checkpoint_.string());
    run(arguments);
    std::vector<std::string> warnings;
    for (const std::string& object : objects_) {
      warnings.emplace_back();
      const fs::path file = (folder_.path() / "out" / object).replace_extension(".nc");
      if (!fs::exists(file)) {
        const std::size_t message = result_.err.find(object + ": none of the network's samples");
        EXPECT_NE(message, std::string::npos) << result_.err;
        EXPECT_EQ(result_.exit_code, 2);
        if (message != std::string::npos) warnings.back() = result_.err.substr(message);
        continue;
      }
      for (const auto& [name, value] : Hdf5Reader(file).attributes("/")) {
        if (name == "warnings") warnings.back() = value;
      }
      const std::string first = warnings.back().substr(0, warnings.back().find('\n'));
      EXPECT_TRUE(first.empty() || result_.out.find("WARNING: " + first) != std::string::npos) << result_.out;
    }
    return warnings;
  }

  fs::path checkpoint_ = fs::path(PENUMBRA_SOURCE_DIR) / "data/checkpoints/compact.h5";
  ScratchFolder folder_{"warnings"};
  std::unique_ptr<Simulated> simulated_;
  std::vector<std::string> objects_;
  ProgramResult result_;
};

// Depth of a light curve within `half_width` of a phase, from the mean of the three lowest points; 0 with fewer.
double depth_at(const Simulated::Curve& curve, double phase, double half_width) {
  std::vector<double> flux;
  for (std::size_t t = 0; t < curve.phase.size(); ++t) {
    const double off = curve.phase[t] - phase;
    if (std::fabs(off - std::round(off)) < half_width) flux.push_back(curve.flux[t]);
  }
  if (flux.size() < 3) return 0.0;
  std::partial_sort(flux.begin(), flux.begin() + 3, flux.end());
  return 1.0 - (flux[0] + flux[1] + flux[2]) / 3.0;
}

// W UMa: two stars in one envelope, light that changes all around the orbit with nearly equal minima. Coefficients of
// cos(2 phi) and cos(4 phi) of a contact binary (Rucinski 1993, PASP 105, 1433).
double contact_flux(double phase) {
  const double x = kTwoPi * phase;
  return 1.0 - 0.005 * std::cos(x) - 0.16 * std::cos(2.0 * x) - 0.035 * std::cos(4.0 * x);
}

Simulated::Curve sampled(double (*flux)(double phase), double sigma, double exposure_day) {
  Simulated::Curve curve;
  for (int i = 0; i < 600; ++i) {
    const double phase = (i + 0.5) / 600.0;
    // Golden-ratio steps: noise enough for neighbours to differ, and the same everywhere.
    const double noise = std::sqrt(12.0) * (std::fmod(0.6180339887498949 * (i + 1), 1.0) - 0.5);
    curve.phase.push_back(phase);
    curve.flux.push_back(flux(phase) + sigma * noise);
    curve.sigma.push_back(sigma);
  }
  curve.exposure_day = exposure_day;
  return curve;
}

TEST_F(Warnings, ObjectsOutsideThePriorAreNamed) {
  const std::string photometry =
      "parallax_mas = 4.0\nparallax_error_mas = 0.03\n[photometry]\n'Johnson:V' = { mag = 11.3, error = 0.03 }\n"
      "'2MASS:Ks' = { mag = 9.7, error = 0.03 }\n";
  const double exposure_day = 120.0 / 86400.0;
  for (const double period_day : {0.3, 0.45, 0.7}) {
    write_object(fmt::format("contact_{}", period_day), period_day, photometry,
                 {{kTessChannel, sampled(contact_flux, 0.004, exposure_day)}}, period_day);
  }
  write_object("constant", 2.0, photometry, {{kTessChannel, sampled([](double) { return 1.0; }, 0.001, exposure_day)}},
               2.0);

  // A simulated system with a deep primary and a shallow secondary eclipse, on its own period, twice and half of it.
  std::size_t chosen = kSystems;
  Simulated::Curve curve;
  for (std::size_t system = 0; system < kSystems && chosen == kSystems; ++system) {
    curve = simulated_->curve(system, kTessChannel);
    const double primary = depth_at(curve, 0.0, 0.05), secondary = depth_at(curve, 0.5, 0.05);
    if (secondary > 0.02 && primary > 2.0 * secondary && primary < 0.6 && primary > 0.08) chosen = system;
  }
  ASSERT_LT(chosen, kSystems) << "no such system among those simulated: choose another seed";
  const double period_day = simulated_->period_day(chosen);
  for (const auto& [name, factor] : {std::pair{"right", 1.0}, {"double", 2.0}, {"half", 0.5}}) {
    write_object(name, factor * period_day, simulated_->photometry(chosen), {{kTessChannel, curve}}, period_day);
  }

  const std::vector<std::string> warnings = infer();
  for (std::size_t i = 0; i < objects_.size(); ++i) {
    if (objects_[i] == "right.toml") {
      EXPECT_EQ(warnings[i], "");
    } else {
      EXPECT_NE(warnings[i].find("outside the prior's range"), std::string::npos) << objects_[i];
    }
  }
}

// Warnings are rare where the prior holds: one in a hundred, so that three among sixteen are an accident of one in a
// thousand.
TEST_F(Warnings, SystemsOfThePriorAreNot) {
  for (std::size_t system = 0; system < 16; ++system) {
    std::vector<std::pair<std::size_t, Simulated::Curve>> curves;
    for (std::size_t c = 0; c < kChannelCount; ++c) {
      Simulated::Curve curve = simulated_->curve(system, c);
      if (!curve.phase.empty()) curves.emplace_back(c, std::move(curve));
    }
    const double period_day = simulated_->period_day(system);
    write_object(fmt::format("system_{}", system), period_day, simulated_->photometry(system), curves, period_day);
  }
  const std::vector<std::string> warnings = infer();
  EXPECT_LE(std::count_if(warnings.begin(), warnings.end(), [](const std::string& text) { return !text.empty(); }), 2);
}

}  // namespace
}  // namespace penumbra
