// The one table of the 16 inferred parameters. Priors, scaling, file headers, plots and tables all read it.
#pragma once

#include <array>
#include <string_view>

namespace penumbra {

// theta of the paper, section 2.1. The inclination is carried as cos i, as in the paper's Table 4.
enum Parameter : int {
  kMsum = 0,
  kQ,
  kLogAge,
  kFeh,
  kRsumFrac,
  kEccentricity,
  kOmega,
  kCosI,
  kTeff1,
  kTeff2,
  kLogL1,
  kLogL2,
  kRadius1,
  kRadius2,
  kDistance,
  kEbv,
  kParameterCount,
};

struct ParameterInfo {
  std::string_view name;         // in files and tables
  std::string_view unit;         // empty: dimensionless
  std::string_view tex;          // in figures
  std::string_view description;  // in help and file attributes
  int decimals;                  // in printed tables
};

inline constexpr std::array<ParameterInfo, kParameterCount> kParameters{{
    {"msum", "Msun", R"(M_{\rm sum})", "total mass M1 + M2", 3},
    {"q", "", "q", "mass ratio M2 / M1", 3},
    {"log_age", "dex(yr)", R"(\log_{10}{\rm Age})", "log10 of the age in years", 2},
    {"feh", "dex", R"([{\rm Fe/H}])", "metallicity", 2},
    {"rsumfrac", "", R"((R_1+R_2)/a)", "sum of the radii over the semi-major axis", 4},
    {"eccentricity", "", "e", "orbital eccentricity", 4},
    {"omega", "rad", R"(\omega)", "argument of periastron of the primary, in [0, 2 pi)", 2},
    {"cos_i", "", R"(\cos i)", "cosine of the orbital inclination", 4},
    {"teff1", "K", R"(T_{\rm eff,1})", "effective temperature of the primary", 0},
    {"teff2", "K", R"(T_{\rm eff,2})", "effective temperature of the secondary", 0},
    {"log_l1", "dex(Lsun)", R"(\log L_1)", "log10 of the primary's luminosity", 3},
    {"log_l2", "dex(Lsun)", R"(\log L_2)", "log10 of the secondary's luminosity", 3},
    {"radius1", "Rsun", "R_1", "volume-equivalent radius of the primary", 3},
    {"radius2", "Rsun", "R_2", "volume-equivalent radius of the secondary", 3},
    {"distance", "pc", "d", "distance", 1},
    {"ebv", "mag", "E(B-V)", "colour excess", 3},
}};

using Theta = std::array<double, kParameterCount>;

}  // namespace penumbra
