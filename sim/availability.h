// Which data exist for a star. The network must serve any subset of them, so simulated stars come with every subset.
//
// Magnitude limits are the surveys' saturation and detection limits. The other probabilities are a choice, not a
// measurement: rare combinations (a Kepler light curve with two catalogue magnitudes and nothing else) occur often
// enough to be learned. Limits and shares of surveys and catalogues are in availability.cpp.
#pragma once

#include <array>
#include <cmath>
#include <cstdint>

#include "base/host_device.h"
#include "base/random.h"
#include "sim/passbands.h"

namespace penumbra {

// What the observer knows before pointing: apparent magnitudes of the system (reddened, out of eclipse).
struct Apparent {
  std::array<double, kPassbandCount> magnitude;  // in each passband's own system; NaN: no flux
};

// A set of channels, bands or surveys by their numbers, which a device keeps in a register.
struct Flags {
  std::uint32_t bits = 0;
  PN_HD bool operator[](int i) const { return (bits >> i & 1u) != 0; }
  PN_HD void set(int i, bool on = true) { bits = (bits & ~(1u << i)) | (on ? 1u << i : 0u); }
  PN_HD int count() const {
    int n = 0;
    for (std::uint32_t left = bits; left != 0; left &= left - 1) ++n;
    return n;
  }
  // The nth of the set, from 0; nth < count().
  PN_HD int member(int nth) const {
    int i = 0;
    while (!(*this)[i] || nth-- > 0) ++i;
    return i;
  }
};

struct ChannelLimits {
  int survey;  // channels of one survey come together
  int passband;
  double bright, faint;
  double probability;
};
struct BandLimits {
  int catalogue;
  double bright, faint;
  double listed;  // share of the stars of the catalogue that it has this band of, as the survey bank measures it
};

inline constexpr int kCatalogueCount = 9;

struct AvailabilityView {
  ChannelLimits channel[kChannelCount];
  BandLimits band[kSedBandCount];
  double catalogue_share[kCatalogueCount];  // of stars, roughly, that each covers
};
AvailabilityView availability_view(const std::array<double, kSedBandCount>& listed);

// Systems by how they were observed; the rest: each survey that sees the star with its probability.
inline constexpr double kNoLightCurve = 0.05;
inline constexpr double kSingleSurvey = 0.35;   // one survey alone
inline constexpr double kEverything = 0.10;     // all that see the star
inline constexpr double kSingleChannel = 0.35;  // of the single surveys with two channels: one of them

// Channels that observe the star. One star in twenty has none; any other has at least one, a star too bright or too
// faint for every survey too.
PN_HD inline Flags choose_channels(const AvailabilityView& view, const Apparent& apparent, RandomStream& random) {
  Flags seen, survey_sees;
  for (int c = 0; c < kChannelCount; ++c) {
    const ChannelLimits& limits = view.channel[c];
    const double blurred = apparent.magnitude[limits.passband] + random.uniform() - 0.5;
    seen.set(c, blurred >= limits.bright && blurred <= limits.faint);  // false for NaN
    if (seen[c]) survey_sees.set(limits.survey);
  }
  Flags chosen;
  const double mode = random.uniform();
  if (mode < kNoLightCurve) return chosen;
  if (seen.count() == 0) {
    chosen.set(random.below(kChannelCount));
    return chosen;
  }
  if (mode < kNoLightCurve + kEverything) return seen;
  if (mode < kNoLightCurve + kEverything + kSingleSurvey) {
    const int survey = survey_sees.member(random.below(survey_sees.count()));
    for (int c = 0; c < kChannelCount; ++c) chosen.set(c, seen[c] && view.channel[c].survey == survey);
    if (chosen.count() == 2 && random.uniform() < kSingleChannel) chosen.set(chosen.member(random.below(2)), false);
    return chosen;
  }
  for (int c = 0; c < kChannelCount; ++c) {
    chosen.set(c, seen[c] && random.uniform() < view.channel[c].probability);
  }
  if (chosen.count() == 0) chosen.set(seen.member(random.below(seen.count())));
  return chosen;
}

// A star that only one channel has watched tends to be poorly known otherwise: sparse means a few magnitudes at most.
inline constexpr double kSparseIfOneChannel = 0.4, kSparseOtherwise = 0.1;
inline constexpr double kSparseJohnsonBv = 0.5;  // of the sparse: B and V; the rest: up to four bands
inline constexpr int kMaxSparseBands = 4;
inline constexpr double kParallaxShare = 0.85, kParallaxShareIfSparse = 0.5;
inline constexpr double kParallaxBright = 3.0, kParallaxFaint = 21.0;  // Gaia G

struct CatalogueEntries {
  Flags band;  // of the SED
  bool parallax = false;
};

// Photometry and parallax that exist for a star with light curves in `observed_channels` channels.
PN_HD inline CatalogueEntries choose_catalogues(const AvailabilityView& view, const Apparent& apparent,
                                                int observed_channels, RandomStream& random) {
  CatalogueEntries entries;
  const bool sparse = random.uniform() < (observed_channels == 1 ? kSparseIfOneChannel : kSparseOtherwise);
  if (sparse && random.uniform() < kSparseJohnsonBv) {
    entries.band.set(kJohnsonB);
    entries.band.set(kJohnsonV);
  } else if (sparse) {
    for (int k = random.below(kMaxSparseBands + 1); k > 0; --k) entries.band.set(random.below(kSedBandCount));
  } else {
    Flags has_star;
    for (int s = 0; s < kCatalogueCount; ++s) has_star.set(s, random.uniform() < view.catalogue_share[s]);
    for (int k = 0; k < kSedBandCount; ++k) {
      entries.band.set(k, random.uniform() < view.band[k].listed && has_star[view.band[k].catalogue]);
    }
  }
  for (int k = 0; k < kSedBandCount; ++k) {
    const double magnitude = apparent.magnitude[k];
    entries.band.set(k, entries.band[k] && magnitude >= view.band[k].bright && magnitude <= view.band[k].faint);
  }
  const double g = apparent.magnitude[kGaiaG];
  entries.parallax = random.uniform() < (sparse ? kParallaxShareIfSparse : kParallaxShare) && g >= kParallaxBright &&
                     g <= kParallaxFaint;
  return entries;
}

// The star's magnitude in the channel's passband, kept between what the survey saturates at and what it detects.
PN_HD inline double observable_magnitude(const ChannelLimits& limits, const Apparent& apparent) {
  const double magnitude = apparent.magnitude[limits.passband];
  if (!std::isfinite(magnitude) || magnitude > limits.faint) return limits.faint;
  return magnitude < limits.bright ? limits.bright : magnitude;
}
double observable_magnitude(const Apparent& apparent, int channel);

}  // namespace penumbra
