#include "sim/availability.h"

namespace penumbra {
namespace {

enum Survey : int { kAsassn, kZtf, kTessMission, kKeplerMission };

constexpr ChannelLimits kChannelLimits[kChannelCount]{
    {kAsassn, kChannels[kAsassnV].passband, 10.5, 17.5, 0.7},  // Kochanek et al. (2017)
    {kAsassn, kChannels[kAsassnG].passband, 10.5, 18.0, 0.7},
    {kZtf, kChannels[kZtfGChannel].passband, 12.5, 20.5, 0.6},  // Masci et al. (2019)
    {kZtf, kChannels[kZtfRChannel].passband, 12.5, 20.5, 0.6},
    {kTessMission, kChannels[kTessChannel].passband, 2.0, 16.0, 0.6},       // full-frame images: Huang et al. (2020)
    {kKeplerMission, kChannels[kKeplerChannel].passband, 4.0, 17.0, 0.25},  // saturated stars included
};

enum Catalogue : int { kGalex, kJohnson, kJohnsonUv, kPs1, kPs1White, kSdss, kGaia, k2mass, kWise };
constexpr double kCatalogueShare[kCatalogueCount]{0.4, 0.6, 0.1, 0.65, 0.03, 0.3, 0.9, 0.9, 0.85};

struct CatalogueLimits {
  Catalogue catalogue;
  double bright, faint;
};

constexpr CatalogueLimits kBandLimits[kSedBandCount]{
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
};

}  // namespace

AvailabilityView availability_view(const std::array<double, kSedBandCount>& listed) {
  AvailabilityView view;
  for (int c = 0; c < kChannelCount; ++c) view.channel[c] = kChannelLimits[c];
  for (int k = 0; k < kSedBandCount; ++k) {
    view.band[k] = {kBandLimits[k].catalogue, kBandLimits[k].bright, kBandLimits[k].faint, listed[k]};
  }
  for (int s = 0; s < kCatalogueCount; ++s) view.catalogue_share[s] = kCatalogueShare[s];
  return view;
}

double observable_magnitude(const Apparent& apparent, int channel) {
  return observable_magnitude(kChannelLimits[channel], apparent);
}

}  // namespace penumbra
