// Everything a posterior sample is reported as: the 16 parameters, then quantities that follow from them.
#pragma once

#include <array>
#include <cmath>
#include <optional>
#include <string_view>

#include "sim/parameters.h"
#include "sim/system.h"

namespace penumbra {

enum Quantity : int {
  kMass1 = kParameterCount,
  kMass2,
  kRadiusRatio,
  kInclination,
  kSemiMajorAxis,
  kPeriod,
  kLogG1,
  kLogG2,
  kAge,
  kQuantityCount,
};

inline constexpr int kDerivedCount = int{kQuantityCount} - int{kParameterCount};

inline constexpr std::array<ParameterInfo, kDerivedCount> kDerived{{
    {"mass1", "Msun", "M_1", "mass of the primary", 3},
    {"mass2", "Msun", "M_2", "mass of the secondary", 3},
    {"radius_ratio", "", "R_2/R_1", "ratio of the radii", 3},
    {"inclination", "deg", "i", "orbital inclination", 2},
    {"sma", "Rsun", "a", "semi-major axis", 3},
    {"period", "d", "P", "orbital period; exact where it is known", 4},
    {"logg1", "dex(cm/s2)", R"(\log g_1)", "surface gravity of the primary", 3},
    {"logg2", "dex(cm/s2)", R"(\log g_2)", "surface gravity of the secondary", 3},
    {"age", "Myr", R"({\rm age})", "age", 0},
}};

constexpr const ParameterInfo& quantity_info(int quantity) {
  return quantity < kParameterCount ? kParameters[static_cast<std::size_t>(quantity)]
                                    : kDerived[static_cast<std::size_t>(quantity - kParameterCount)];
}

inline std::optional<int> find_quantity(std::string_view name) {
  for (int k = 0; k < kQuantityCount; ++k) {
    if (quantity_info(k).name == name) return k;
  }
  return std::nullopt;
}

using Quantities = std::array<double, kQuantityCount>;

inline Quantities derive_quantities(const Theta& theta) {
  const System system = derive_system(theta);
  Quantities out{};
  for (std::size_t k = 0; k < theta.size(); ++k) out[k] = theta[k];
  out[kMass1] = system.star[0].mass_msun;
  out[kMass2] = system.star[1].mass_msun;
  out[kRadiusRatio] = theta[kRadius2] / theta[kRadius1];
  out[kInclination] = std::acos(theta[kCosI]) * 180.0 / kPi;
  out[kSemiMajorAxis] = system.sma_rsun;
  out[kPeriod] = system.period_day;
  out[kLogG1] = system.star[0].logg;
  out[kLogG2] = system.star[1].logg;
  out[kAge] = std::pow(10.0, theta[kLogAge] - 6.0);
  return out;
}

}  // namespace penumbra
