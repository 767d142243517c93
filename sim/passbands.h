// The one table of passbands. A passband is a filter with a zero point; the SED uses the first 23 in the paper's
// order, and each light-curve channel names the passband that it is observed through.
#pragma once

#include <array>
#include <string_view>

namespace penumbra {

enum Passband : int {
  kGalexFuv = 0,
  kGalexNuv,
  kJohnsonB,
  kJohnsonU,
  kJohnsonV,
  kPs1G,
  kPs1I,
  kPs1R,
  kPs1W,
  kPs1Y,
  kPs1Z,
  kSdssG,
  kSdssI,
  kSdssR,
  kSdssU,
  kSdssZ,
  kGaiaBp,
  kGaiaG,
  kGaiaRp,
  k2massJ,
  k2massH,
  k2massKs,
  kWiseW1,
  kSedBandCount,
  kZtfG = kSedBandCount,
  kZtfR,
  kTess,
  kKepler,
  kPassbandCount,
};

enum class MagnitudeSystem { kAb, kVega };

struct PassbandInfo {
  std::string_view name;        // in object files, tables and figures
  MagnitudeSystem system;       // in which catalogues quote it
  double relative_error_floor;  // smallest believable relative flux error (the paper, section 2.3)
};

inline constexpr std::array<PassbandInfo, kPassbandCount> kPassbands{{
    {"GALEX:FUV", MagnitudeSystem::kAb, 1e-2},   {"GALEX:NUV", MagnitudeSystem::kAb, 1e-2},
    {"Johnson:B", MagnitudeSystem::kVega, 1e-6}, {"Johnson:U", MagnitudeSystem::kVega, 1e-6},
    {"Johnson:V", MagnitudeSystem::kVega, 1e-6}, {"PanSTARRS:g", MagnitudeSystem::kAb, 1e-3},
    {"PanSTARRS:i", MagnitudeSystem::kAb, 1e-3}, {"PanSTARRS:r", MagnitudeSystem::kAb, 1e-3},
    {"PanSTARRS:w", MagnitudeSystem::kAb, 1e-3}, {"PanSTARRS:y", MagnitudeSystem::kAb, 1e-3},
    {"PanSTARRS:z", MagnitudeSystem::kAb, 1e-3}, {"SDSS:g", MagnitudeSystem::kAb, 1e-6},
    {"SDSS:i", MagnitudeSystem::kAb, 1e-6},      {"SDSS:r", MagnitudeSystem::kAb, 1e-6},
    {"SDSS:u", MagnitudeSystem::kAb, 1e-6},      {"SDSS:z", MagnitudeSystem::kAb, 1e-6},
    {"Gaia:BP", MagnitudeSystem::kVega, 5e-4},   {"Gaia:G", MagnitudeSystem::kVega, 5e-4},
    {"Gaia:RP", MagnitudeSystem::kVega, 5e-4},   {"2MASS:J", MagnitudeSystem::kVega, 5e-3},
    {"2MASS:H", MagnitudeSystem::kVega, 5e-3},   {"2MASS:Ks", MagnitudeSystem::kVega, 5e-3},
    {"WISE:W1", MagnitudeSystem::kVega, 5e-3},   {"ZTF:g", MagnitudeSystem::kAb, 1e-6},
    {"ZTF:r", MagnitudeSystem::kAb, 1e-6},       {"TESS:T", MagnitudeSystem::kVega, 1e-6},
    {"Kepler:Kp", MagnitudeSystem::kAb, 1e-6},
}};

// Light-curve channels. The four of the paper first.
enum Channel : int { kAsassnV = 0, kAsassnG, kZtfGChannel, kZtfRChannel, kTessChannel, kKeplerChannel, kChannelCount };

struct ChannelInfo {
  std::string_view name;
  Passband passband;  // ASAS-SN V as Johnson V and ASAS-SN g as SDSS g, as in the paper's code
};

inline constexpr std::array<ChannelInfo, kChannelCount> kChannels{{
    {"ASAS-SN:V", kJohnsonV},
    {"ASAS-SN:g", kSdssG},
    {"ZTF:g", kZtfG},
    {"ZTF:r", kZtfR},
    {"TESS:T", kTess},
    {"Kepler:Kp", kKepler},
}};

}  // namespace penumbra
