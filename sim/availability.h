// Which data exist for a star. The network must serve any subset of them, so simulated stars come with every subset.
//
// Magnitude limits are the surveys' saturation and detection limits. The other probabilities are a choice, not a
// measurement: rare combinations (a Kepler light curve with two catalogue magnitudes and nothing else) occur often
// enough to be learned.
#pragma once

#include <array>

#include "base/random.h"
#include "sim/observation.h"

namespace penumbra {

// What the observer knows before pointing: apparent magnitudes of the system (reddened, out of eclipse).
struct Apparent {
  std::array<double, kPassbandCount> magnitude;  // in each passband's own system; NaN: no flux
};

// Channels that observe the star. One star in twenty has none; any other has at least one, a star too bright or too
// faint for every survey too.
std::array<bool, kChannelCount> choose_channels(const Apparent& apparent, RandomStream& random);

struct CatalogueEntries {
  std::array<bool, kSedBandCount> band{};
  bool parallax = false;
};

// Photometry and parallax that exist for a star with light curves in `observed_channels` channels. listed: how often a
// catalogue that has the star has this band of it too, as the survey bank measures it.
CatalogueEntries choose_catalogues(const Apparent& apparent, int observed_channels,
                                   const std::array<double, kSedBandCount>& listed, RandomStream& random);

// The star's magnitude in the channel's passband, kept between what the survey saturates at and what it detects.
double observable_magnitude(const Apparent& apparent, int channel);

}  // namespace penumbra
