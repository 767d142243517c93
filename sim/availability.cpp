#include "sim/availability.h"

#include <algorithm>
#include <cmath>

namespace penumbra {
namespace {

enum Survey : int { kAsassn, kZtf, kTessMission, kKeplerMission, kSurveyCount };

struct ChannelLimits {
  Survey survey;  // channels of one survey come together
  double bright, faint;
  double probability;
};

constexpr std::array<ChannelLimits, kChannelCount> kChannelLimits{{
    {kAsassn, 10.5, 17.5, 0.7},  // Kochanek et al. (2017)
    {kAsassn, 10.5, 18.0, 0.7},
    {kZtf, 12.5, 20.5, 0.6},  // Masci et al. (2019)
    {kZtf, 12.5, 20.5, 0.6},
    {kTessMission, 2.0, 16.0, 0.6},     // full-frame images: Huang et al. (2020)
    {kKeplerMission, 4.0, 17.0, 0.25},  // saturated stars included
}};

// Systems by how they were observed; the rest: each survey that sees the star with its probability.
constexpr double kNoLightCurve = 0.05;
constexpr double kSingleSurvey = 0.35;   // one survey alone
constexpr double kEverything = 0.10;     // all that see the star
constexpr double kSingleChannel = 0.35;  // of the single surveys with two channels: one of them

enum Catalogue : int { kGalex, kJohnson, kJohnsonUv, kPs1, kPs1White, kSdss, kGaia, k2mass, kWise, kCatalogueCount };

// Share of stars, roughly, that each covers.
constexpr std::array<double, kCatalogueCount> kCatalogueProbability{0.4, 0.6, 0.1, 0.65, 0.03, 0.3, 0.9, 0.9, 0.85};

struct BandLimits {
  Catalogue catalogue;
  double bright, faint;
};

constexpr std::array<BandLimits, kSedBandCount> kBandLimits{{
    {kGalex, 12.0, 21.0},      // FUV
    {kGalex, 12.0, 22.0},      // NUV
    {kJohnson, -2.0, 17.5},    // B
    {kJohnsonUv, -2.0, 16.0},  // U
    {kJohnson, -2.0, 17.0},    // V
    {kPs1, 13.5, 23.0},        // g
    {kPs1, 13.5, 22.5},        // i
    {kPs1, 13.5, 22.5},        // r
    {kPs1White, 14.0, 23.0},   // w
    {kPs1, 12.5, 20.5},        // y
    {kPs1, 13.0, 21.5},        // z
    {kSdss, 14.0, 22.5},       // g
    {kSdss, 14.0, 21.5},       // i
    {kSdss, 14.0, 22.5},       // r
    {kSdss, 13.0, 22.0},       // u
    {kSdss, 12.0, 20.5},       // z
    {kGaia, 2.0, 21.0},        // BP
    {kGaia, 2.0, 21.5},        // G
    {kGaia, 2.0, 20.5},        // RP
    {k2mass, -2.0, 17.0},      // J
    {k2mass, -2.0, 16.0},      // H
    {k2mass, -2.0, 15.5},      // Ks
    {kWise, 2.0, 17.0},        // W1
}};

// A star that only one channel has watched tends to be poorly known otherwise: sparse means a few magnitudes at most.
constexpr double kSparseIfOneChannel = 0.4, kSparseOtherwise = 0.1;
constexpr double kSparseJohnsonBv = 0.5;  // of the sparse: B and V; the rest: up to four bands
constexpr int kMaxSparseBands = 4;
constexpr double kParallax = 0.85, kParallaxIfSparse = 0.5;
constexpr double kParallaxBright = 3.0, kParallaxFaint = 21.0;  // Gaia G

int first_of(const std::array<bool, kChannelCount>& flags, int nth) {
  for (int c = 0; c < kChannelCount; ++c) {
    if (flags[static_cast<std::size_t>(c)] && nth-- == 0) return c;
  }
  return kChannelCount;
}

}  // namespace

std::array<bool, kChannelCount> choose_channels(const Apparent& apparent, RandomStream& random) {
  std::array<bool, kChannelCount> seen{};
  std::array<bool, kSurveyCount> survey_sees{};
  for (std::size_t c = 0; c < kChannelCount; ++c) {
    const ChannelLimits& limits = kChannelLimits[c];
    const double blurred = apparent.magnitude[kChannels[c].passband] + random.uniform() - 0.5;
    seen[c] = blurred >= limits.bright && blurred <= limits.faint;  // false for NaN
    survey_sees[limits.survey] = survey_sees[limits.survey] || seen[c];
  }
  const int seen_count = static_cast<int>(std::ranges::count(seen, true));
  const int survey_count = static_cast<int>(std::ranges::count(survey_sees, true));

  std::array<bool, kChannelCount> chosen{};
  const double mode = random.uniform();
  if (mode < kNoLightCurve) return chosen;
  if (seen_count == 0) {
    chosen[static_cast<std::size_t>(random.below(kChannelCount))] = true;
    return chosen;
  }
  if (mode < kNoLightCurve + kEverything) return seen;
  if (mode < kNoLightCurve + kEverything + kSingleSurvey) {
    int skip = random.below(survey_count), survey = 0;
    while (!survey_sees[static_cast<std::size_t>(survey)] || skip-- > 0) ++survey;
    for (std::size_t c = 0; c < kChannelCount; ++c) chosen[c] = seen[c] && kChannelLimits[c].survey == survey;
    if (std::ranges::count(chosen, true) == 2 && random.uniform() < kSingleChannel) {
      chosen[static_cast<std::size_t>(first_of(chosen, random.below(2)))] = false;
    }
    return chosen;
  }
  for (std::size_t c = 0; c < kChannelCount; ++c) {
    chosen[c] = seen[c] && random.uniform() < kChannelLimits[c].probability;
  }
  if (std::ranges::count(chosen, true) == 0)
    chosen[static_cast<std::size_t>(first_of(seen, random.below(seen_count)))] = true;
  return chosen;
}

CatalogueEntries choose_catalogues(const Apparent& apparent, int observed_channels,
                                   const std::array<double, kSedBandCount>& listed, RandomStream& random) {
  CatalogueEntries entries;
  const bool sparse = random.uniform() < (observed_channels == 1 ? kSparseIfOneChannel : kSparseOtherwise);
  if (sparse && random.uniform() < kSparseJohnsonBv) {
    entries.band[kJohnsonB] = entries.band[kJohnsonV] = true;
  } else if (sparse) {
    for (int k = random.below(kMaxSparseBands + 1); k > 0; --k) {
      entries.band[static_cast<std::size_t>(random.below(kSedBandCount))] = true;
    }
  } else {
    std::array<bool, kCatalogueCount> has_star{};
    for (std::size_t s = 0; s < kCatalogueCount; ++s) has_star[s] = random.uniform() < kCatalogueProbability[s];
    for (std::size_t k = 0; k < kSedBandCount; ++k) {
      entries.band[k] = random.uniform() < listed[k] && has_star[kBandLimits[k].catalogue];
    }
  }
  for (std::size_t k = 0; k < kSedBandCount; ++k) {
    const double magnitude = apparent.magnitude[k];
    entries.band[k] = entries.band[k] && magnitude >= kBandLimits[k].bright && magnitude <= kBandLimits[k].faint;
  }
  const double g = apparent.magnitude[kGaiaG];
  entries.parallax =
      random.uniform() < (sparse ? kParallaxIfSparse : kParallax) && g >= kParallaxBright && g <= kParallaxFaint;
  return entries;
}

double observable_magnitude(const Apparent& apparent, int channel) {
  const ChannelLimits& limits = kChannelLimits[static_cast<std::size_t>(channel)];
  const double magnitude = apparent.magnitude[kChannels[static_cast<std::size_t>(channel)].passband];
  return std::isfinite(magnitude) ? std::clamp(magnitude, limits.bright, limits.faint) : limits.faint;
}

}  // namespace penumbra
