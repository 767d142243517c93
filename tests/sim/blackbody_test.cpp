#include "sim/blackbody.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>

#include "sim/constants.h"

namespace penumbra {
namespace {

// Comma-separated pairs below one header line that starts with '#'.
std::vector<std::pair<double, double>> read_pairs(const std::filesystem::path& file) {
  std::ifstream in(file);
  std::vector<std::pair<double, double>> rows;
  std::string line;
  while (std::getline(in, line)) {
    if (line.empty() || line[0] == '#') continue;
    std::istringstream cells(line);
    double a = 0.0, b = 0.0;
    char comma = 0;
    cells >> a >> comma >> b;
    rows.emplace_back(a, b);
  }
  return rows;
}

std::filesystem::path peer_folder() {
  const char* shared = std::getenv("PENUMBRA_SHARED");
  return std::filesystem::path(shared ? shared : PENUMBRA_SOURCE_DIR "/../shared") / "peers/phoebe";
}

Filter broad_filter() {
  Filter filter;
  for (int i = 0; i <= 4000; ++i) {
    filter.wavelength_um.push_back(0.02 * std::exp(i * std::log(1e5) / 4000.0));
    filter.transmission.push_back(1.0);
  }
  return filter;
}

TEST(Blackbody, BolometricIntensityIsStefanBoltzmann) {
  const Filter filter = broad_filter();  // 20 nm to 2 mm
  const double width_m = (filter.wavelength_um.back() - filter.wavelength_um.front()) * 1e-6;
  const StarBand star = blackbody_star_band(filter, 6000.0, LimbDarkening{});
  EXPECT_NEAR(kPi * std::exp(star.log_intensity) * width_m / (kStefanBoltzmann * std::pow(6000.0, 4)), 1.0, 2e-5);
  EXPECT_NEAR(star.slope_t, 4.0, 1e-4);
  EXPECT_NEAR(star.curve_t, 0.0, 1e-3);
}

TEST(Blackbody, DerivativesAgreeWithFiniteDifferences) {
  Filter filter{{0.4, 0.45, 0.5, 0.55}, {0.0, 0.8, 1.0, 0.0}};
  const double h = 1e-3;
  for (const double teff : {3000.0, 5772.0, 20000.0}) {
    const auto log_i = [&](double x) { return blackbody_star_band(filter, teff * std::exp(x), {}).log_intensity; };
    const StarBand star = blackbody_star_band(filter, teff, {});
    EXPECT_NEAR(star.slope_t, (log_i(h) - log_i(-h)) / (2 * h), 2e-5);
    EXPECT_NEAR(star.curve_t, (log_i(h) - 2 * log_i(0) + log_i(-h)) / (h * h), 2e-5);
    EXPECT_EQ(star.slope_g, 0.0);
  }
}

TEST(Blackbody, RefusesBadInput) {
  EXPECT_THROW(blackbody_star_band({{0.5}, {1.0}}, 5000.0, {}), std::invalid_argument);
  EXPECT_THROW(blackbody_star_band({{0.5, 0.6}, {1.0, 1.0}}, NAN, {}), std::invalid_argument);
}

TEST(Blackbody, AgreesWithPhoebe) {
  if (!std::filesystem::exists(peer_folder() / "bb_johnsonV.csv"))
    GTEST_SKIP() << "no reference data in " << peer_folder();
  Filter filter;
  for (const auto& [wavelength_m, transmission] : read_pairs(peer_folder() / "ptf_johnsonV.csv")) {
    filter.wavelength_um.push_back(wavelength_m * 1e6);
    filter.transmission.push_back(transmission);
  }
  const auto reference = read_pairs(peer_folder() / "bb_johnsonV.csv");
  ASSERT_GT(reference.size(), 50u);
  for (const auto& [teff, intensity] : reference) {
    const StarBand star = blackbody_star_band(filter, teff, LimbDarkening{{0.0, 0.6, 0.0, 0.0}});
    EXPECT_NEAR(std::exp(star.log_intensity) / intensity, 1.0, 1e-4) << teff;
  }
}

}  // namespace
}  // namespace penumbra
