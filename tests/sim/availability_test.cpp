#include "sim/availability.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <map>

namespace penumbra {
namespace {

constexpr int kStars = 20000;

// Each band in 19 of 20 stars that its catalogue has.
const std::array<double, kSedBandCount>& listed() {
  static const auto shares = [] {
    std::array<double, kSedBandCount> array;
    array.fill(0.95);
    return array;
  }();
  return shares;
}

Apparent star(double magnitude) {
  Apparent apparent;
  apparent.magnitude.fill(magnitude);
  return apparent;
}

std::array<bool, kChannelCount> channels(const Apparent& apparent, int i) {
  RandomStream random(11, static_cast<std::uint64_t>(i), Stage::kTest);
  return choose_channels(apparent, random);
}

TEST(Availability, OneStarInTwentyHasNoLightCurve) {
  for (const double magnitude : {0.0, 6.8, 11.0, 14.0, 19.0, 24.0, kMissing}) {
    int none = 0;
    for (int i = 0; i < kStars; ++i) none += std::ranges::count(channels(star(magnitude), i), true) == 0;
    EXPECT_NEAR(none / double(kStars), 0.05, 0.006) << magnitude;  // 4 sigma
  }
}

TEST(Availability, SurveysSeeWhatTheyCan) {
  std::array<int, kChannelCount> bright{}, middle{}, faint{};
  for (int i = 0; i < kStars; ++i) {
    for (std::size_t c = 0; c < kChannelCount; ++c) {
      bright[c] += channels(star(6.8), i)[c];
      middle[c] += channels(star(14.0), i)[c];
      faint[c] += channels(star(19.5), i)[c];
    }
  }
  for (const Channel c : {kAsassnV, kAsassnG, kZtfGChannel, kZtfRChannel}) EXPECT_EQ(bright[c], 0) << c;
  EXPECT_GT(bright[kTessChannel], kStars / 3);
  EXPECT_GT(bright[kKeplerChannel], kStars / 5);
  for (const int n : middle) EXPECT_GT(n, kStars / 5);
  for (const Channel c : {kAsassnV, kAsassnG, kTessChannel, kKeplerChannel}) EXPECT_EQ(faint[c], 0) << c;
}

TEST(Availability, EverySubsetOfChannelsOccurs) {
  std::map<std::array<bool, kChannelCount>, int> subsets;
  for (int i = 0; i < kStars; ++i) ++subsets[channels(star(14.0), i)];
  EXPECT_EQ(subsets.size(), 64u);
}

TEST(Availability, KeplerWithTwoMagnitudesAndNothingElse) {
  int found = 0;
  const Apparent apparent = star(6.8);
  for (int i = 0; i < kStars; ++i) {
    RandomStream random(11, static_cast<std::uint64_t>(i), Stage::kTest);
    const auto seen = choose_channels(apparent, random);
    const auto entries =
        choose_catalogues(apparent, static_cast<int>(std::ranges::count(seen, true)), listed(), random);
    const bool kepler_alone = seen[kKeplerChannel] && std::ranges::count(seen, true) == 1;
    const bool b_and_v =
        entries.band[kJohnsonB] && entries.band[kJohnsonV] && std::ranges::count(entries.band, true) == 2;
    found += kepler_alone && b_and_v;
  }
  EXPECT_GT(found, kStars / 50);
}

TEST(Availability, CataloguesHaveLimitsAndParallaxesAreMissingAtRandom) {
  const auto count = [](double magnitude, int observed) {
    std::array<int, kSedBandCount + 1> n{};
    for (int i = 0; i < kStars; ++i) {
      RandomStream random(12, static_cast<std::uint64_t>(i), Stage::kTest);
      const CatalogueEntries entries = choose_catalogues(star(magnitude), observed, listed(), random);
      for (std::size_t k = 0; k < kSedBandCount; ++k) n[k] += entries.band[k];
      n[kSedBandCount] += entries.parallax;
    }
    return n;
  };
  const auto bright = count(6.8, 4), middle = count(15.0, 4), beyond = count(25.0, 4);
  for (const Passband k : {kGalexNuv, kPs1G, kSdssG}) {
    EXPECT_EQ(bright[k], 0) << k;  // saturated
    EXPECT_GT(middle[k], kStars / 5) << k;
  }
  for (const int n : beyond) EXPECT_EQ(n, 0);
  // .9 x .85 + .1 x .5, and for stars with one channel .6 x .85 + .4 x .5.
  EXPECT_NEAR(middle[kSedBandCount] / double(kStars), 0.815, 0.012);
  EXPECT_NEAR(count(15.0, 1)[kSedBandCount] / double(kStars), 0.71, 0.013);
  EXPECT_EQ(count(2.9, 4)[kSedBandCount], 0);
}

TEST(Availability, BandsAreMissingAsOftenAsTheBankSays) {
  std::array<double, kSedBandCount> shares = listed();
  shares[kSdssU] = 0.3;
  int u = 0, all_but_u = 0;
  for (int i = 0; i < kStars; ++i) {
    RandomStream random(13, static_cast<std::uint64_t>(i), Stage::kTest);
    const auto band = choose_catalogues(star(15.0), 4, shares, random).band;
    if (!band[kSdssG] || !band[kSdssR] || !band[kSdssI]) continue;  // SDSS has the star
    ++all_but_u;
    u += band[kSdssU];
  }
  ASSERT_GT(all_but_u, 3000);
  EXPECT_NEAR(u / double(all_but_u), 0.3, 4.0 * std::sqrt(0.3 * 0.7 / all_but_u));
}

TEST(Availability, ObservableMagnitude) {
  EXPECT_EQ(observable_magnitude(star(14.0), kZtfRChannel), 14.0);
  EXPECT_EQ(observable_magnitude(star(5.0), kZtfRChannel), 12.5);
  EXPECT_EQ(observable_magnitude(star(kMissing), kZtfRChannel), 20.5);
}

}  // namespace
}  // namespace penumbra
