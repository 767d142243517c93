#include "sim/availability.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <set>

#include "sim/observation.h"

namespace penumbra {
namespace {

constexpr int kStars = 20000;

// Each band but `rare` in 19 of 20 stars that its catalogue has.
AvailabilityView availability(int rare = kJohnsonB, double share = 0.95) {
  std::array<double, kSedBandCount> listed;
  listed.fill(0.95);
  listed[static_cast<std::size_t>(rare)] = share;
  return availability_view(listed);
}

Apparent star(double magnitude) {
  Apparent apparent;
  apparent.magnitude.fill(magnitude);
  return apparent;
}

Flags channels(const Apparent& apparent, int i) {
  RandomStream random(11, static_cast<std::uint64_t>(i), Stage::kTest);
  return choose_channels(availability(), apparent, random);
}

TEST(Availability, OneStarInTwentyHasNoLightCurve) {
  for (const double magnitude : {0.0, 6.8, 11.0, 14.0, 19.0, 24.0, kMissing}) {
    int none = 0;
    for (int i = 0; i < kStars; ++i) none += channels(star(magnitude), i).count() == 0;
    EXPECT_NEAR(none / double(kStars), 0.05, 0.006) << magnitude;  // 4 sigma
  }
}

TEST(Availability, SurveysSeeWhatTheyCan) {
  std::array<int, kChannelCount> bright{}, middle{}, faint{};
  for (int i = 0; i < kStars; ++i) {
    for (std::size_t c = 0; c < kChannelCount; ++c) {
      bright[c] += channels(star(6.8), i)[static_cast<int>(c)];
      middle[c] += channels(star(14.0), i)[static_cast<int>(c)];
      faint[c] += channels(star(19.5), i)[static_cast<int>(c)];
    }
  }
  for (const Channel c : {kAsassnV, kAsassnG, kZtfGChannel, kZtfRChannel}) EXPECT_EQ(bright[c], 0) << c;
  EXPECT_GT(bright[kTessChannel], kStars / 3);
  EXPECT_GT(bright[kKeplerChannel], kStars / 5);
  for (const int n : middle) EXPECT_GT(n, kStars / 5);
  for (const Channel c : {kAsassnV, kAsassnG, kTessChannel, kKeplerChannel}) EXPECT_EQ(faint[c], 0) << c;
}

TEST(Availability, EverySubsetOfChannelsOccurs) {
  std::set<std::uint32_t> subsets;
  for (int i = 0; i < kStars; ++i) subsets.insert(channels(star(14.0), i).bits);
  EXPECT_EQ(subsets.size(), 64u);
}

TEST(Availability, KeplerWithTwoMagnitudesAndNothingElse) {
  int found = 0;
  const Apparent apparent = star(6.8);
  for (int i = 0; i < kStars; ++i) {
    RandomStream random(11, static_cast<std::uint64_t>(i), Stage::kTest);
    const Flags seen = choose_channels(availability(), apparent, random);
    const Flags band = choose_catalogues(availability(), apparent, seen.count(), random).band;
    const bool kepler_alone = seen[kKeplerChannel] && seen.count() == 1;
    const bool b_and_v = band[kJohnsonB] && band[kJohnsonV] && band.count() == 2;
    found += kepler_alone && b_and_v;
  }
  EXPECT_GT(found, kStars / 50);
}

TEST(Availability, CataloguesHaveLimitsAndParallaxesAreMissingAtRandom) {
  const auto count = [](double magnitude, int observed) {
    std::array<int, kSedBandCount + 1> n{};
    for (int i = 0; i < kStars; ++i) {
      RandomStream random(12, static_cast<std::uint64_t>(i), Stage::kTest);
      const CatalogueEntries entries = choose_catalogues(availability(), star(magnitude), observed, random);
      for (std::size_t k = 0; k < kSedBandCount; ++k) n[k] += entries.band[static_cast<int>(k)];
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
  const AvailabilityView view = availability(kSdssU, 0.3);
  int u = 0, all_but_u = 0;
  for (int i = 0; i < kStars; ++i) {
    RandomStream random(13, static_cast<std::uint64_t>(i), Stage::kTest);
    const Flags band = choose_catalogues(view, star(15.0), 4, random).band;
    if (!band[kSdssG] || !band[kSdssR] || !band[kSdssI]) continue;  // SDSS has the star
    ++all_but_u;
    u += band[kSdssU];
  }
  ASSERT_GT(all_but_u, 3000);
  EXPECT_NEAR(u / double(all_but_u), 0.3, 4.0 * std::sqrt(0.3 * 0.7 / all_but_u));
}

TEST(Availability, FlagsAreASet) {
  Flags flags;
  for (const int i : {31, 4, 0, 7}) flags.set(i);
  flags.set(4, false);
  EXPECT_EQ(flags.count(), 3);
  EXPECT_EQ(flags.member(0), 0);
  EXPECT_EQ(flags.member(1), 7);
  EXPECT_EQ(flags.member(2), 31);
  EXPECT_TRUE(flags[31] && !flags[4] && !flags[30]);
}

TEST(Availability, ObservableMagnitude) {
  EXPECT_EQ(observable_magnitude(star(14.0), kZtfRChannel), 14.0);
  EXPECT_EQ(observable_magnitude(star(5.0), kZtfRChannel), 12.5);
  EXPECT_EQ(observable_magnitude(star(kMissing), kZtfRChannel), 20.5);
}

}  // namespace
}  // namespace penumbra
