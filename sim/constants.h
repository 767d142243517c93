// Nominal solar and physical constants: IAU 2015 Resolution B3 and CODATA 2018, SI.
#pragma once

namespace penumbra {

inline constexpr double kPi = 3.14159265358979323846;
inline constexpr double kTwoPi = 2.0 * kPi;
inline constexpr double kGMsun = 1.3271244e20;              // m^3 s^-2
inline constexpr double kRsun = 6.957e8;                    // m
inline constexpr double kLsun = 3.828e26;                   // W
inline constexpr double kTeffSun = 5772.0;                  // K
inline constexpr double kStefanBoltzmann = 5.670374419e-8;  // W m^-2 K^-4
inline constexpr double kParsec = 3.0856775814913673e16;    // m
inline constexpr double kDaySeconds = 86400.0;
inline constexpr double kPlanck = 6.62607015e-34;      // J s
inline constexpr double kBoltzmann = 1.380649e-23;     // J / K
inline constexpr double kLightSpeed = 299792458.0;     // m / s
inline constexpr double kLogGSun = 4.438067627303133;  // log10(GMsun / Rsun^2 in cgs)

}  // namespace penumbra
