// What a network for binaries reads of a system, and what it learns to predict: the same functions on the host and on
// the device. Why the arrays are as they are is in nn/features.h and nn/targets.h.
//
// A block of threads packs a system. A block (nn/features.cpp, kernels/features_body.h) has
//   for_each(count, f)             f(0) .. f(count - 1), all done when it returns
//   middle(values, count, filled)  the median of the `filled` smallest of the values, the mean of the two middle ones
//                                  for an even number; reorders the values; every thread gets it
#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>

#include "base/host_device.h"
#include "base/random.h"
#include "sim/availability.h"
#include "sim/eclipse_coordinates.h"
#include "sim/observation.h"
#include "sim/parameters.h"
#include "sim/passbands.h"
#include "sim/prior_view.h"
#include "sim/relative_pair.h"
#include "sim/special_functions.h"

namespace penumbra {

struct FeatureLayout {
  int phase_bins = 256;
  int points = 0;                // of a light curve at most; 0: light curves in bins
  int channels = kChannelCount;  // light-curve channels: the first of kChannels

  // per channel and bin, f the binned flux and s its error:
  //   asinh((f - 1) / .1), asinh((f - 1) / hypot(.004, s)) / 2, (log10 s + 3) / 1.5, mask
  static constexpr int kBinChannels = 4;
  // per channel and point: 2 phase - 1, asinh((f - 1) / .1), (log10 s + 3) / 1.5, mask
  static constexpr int kPointChannels = kBinChannels;
  // per channel: observed flag, share of the bins that hold data, (log10 of the median bin error + 3) / 1.5,
  //   (log10(exposure / period + 1e-5) + 2.5) / 1.5, eclipse depth: the largest 1 - f - 2 s, at least 0
  static constexpr int kCurveSummaries = 5;
  // per SED band: log10 of flux over the SED's level, log10 of the relative error + 2, mask. With points the first is
  //   scaled as the SED level in `meta` instead.
  static constexpr int kSedChannels = 3;
  // log10 period / d, asinh(parallax / .2 mas) / 3, log10(parallax error / mas) + 1.5, parallax flag, period flag,
  //   SED level: the median of log10(flux / Jy) over the bands that exist (0 without any), plus 1, halved
  static constexpr int kMeta = 6;
  static constexpr int kPointMeta = 4;  // with points the first of them

  PN_HD constexpr int curve_length() const { return points > 0 ? points : phase_bins; }
  PN_HD constexpr std::size_t channel_size() const { return std::size_t(kBinChannels) * std::size_t(curve_length()); }
  PN_HD constexpr std::size_t curve_size() const { return std::size_t(channels) * channel_size(); }
  PN_HD constexpr std::size_t meta_size() const { return points > 0 ? kPointMeta : kMeta; }
  PN_HD static constexpr std::size_t summary_size() { return std::size_t(kChannelCount) * kCurveSummaries; }
  PN_HD static constexpr std::size_t sed_size() { return std::size_t(kSedBandCount) * kSedChannels; }
};

// Row-major destinations of one system; every value is finite and within +-10. Missing input is zero with its mask
// zero.
struct FeatureRow {
  float* curves;     // [channels * kBinChannels][curve_length()]
  float* summaries;  // [kChannelCount][kCurveSummaries]; nullptr with points
  float* sed;        // [kSedChannels][kSedBandCount]
  float* meta;       // [meta_size()]
};

inline constexpr double kAbsurd = 1e9;  // relative fluxes and errors beyond are no measurements; keeps the sums finite

PN_HD inline bool is_measurement(double phase, double flux, double sigma) {
  return sigma > 0.0 && sigma < kAbsurd && std::abs(flux) < kAbsurd && std::isfinite(phase);
}

// A light curve of measurements alone.
struct MeasuredCurve {
  const double* phase;
  const double* flux;
  const double* sigma;
  int count;
  double exposure;  // in periods; NaN without a period
};

// What was observed of one system; NaN: missing.
struct Measurements {
  MeasuredCurve curve[kChannelCount];
  double sed_flux_jy[kSedBandCount], sed_sigma_jy[kSedBandCount];
  double period_day, parallax_mas, parallax_sigma_mas;
};

// Threads take the bins of a light curve in at most so many shares of neighbours.
inline constexpr int kMaxBinShares = 128;

// What the threads of a block tell each other. values: room for middle() of a light curve's points or bins, and of the
// SED; weight, flux: [phase_bins], nullptr with points.
struct FeatureMemory {
  double *values, *weight, *flux;
  double log_flux[kSedBandCount];
  int filled[kMaxBinShares];
  double depth[kMaxBinShares];
};

namespace detail {

PN_HD inline float bounded(double x) {
  constexpr double kLimit = 10.0;
  return static_cast<float>(std::clamp(x, -kLimit, kLimit));
}
PN_HD inline double coarse_flux(double deviation) { return std::asinh(deviation / 0.1); }
PN_HD inline double fine_flux(double deviation, double sigma) {
  return 0.5 * std::asinh(deviation / std::hypot(0.004, sigma));
}
PN_HD inline double scaled_log_error(double sigma) { return (std::log10(sigma) + 3.0) / 1.5; }
PN_HD inline double scaled_level(double log_flux) { return 0.5 * (log_flux + 1.0); }

PN_HD inline double inverse_variance(double sigma) {
  const double s = std::max(sigma, 1.0 / kAbsurd);
  return 1.0 / (s * s);
}

PN_HD inline int phase_bin(double phase, int bins) {
  return std::min(static_cast<int>((phase - std::floor(phase)) * bins), bins - 1);
}

// The first point of an ascending light curve that is not before the bin.
PN_HD inline int first_in_bin(const MeasuredCurve& curve, int bin, int bins) {
  int low = 0, high = curve.count;
  while (low < high) {
    const int middle = (low + high) / 2;
    if (phase_bin(curve.phase[middle], bins) < bin) {
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  return low;
}

// out: [kBinChannels][bins] of one channel, summary: [kCurveSummaries]; both zeroed. In one share the phases may come
// in any order and outside [0, 1); in several they ascend there. The number of shares changes no bit.
template <class Block>
PN_INLINE void pack_bins(Block& block, const MeasuredCurve& curve, int bins, int shares, FeatureMemory& memory,
                         float* out, float* summary) {
  if (curve.count == 0) return;
  double *const weight = memory.weight, *const flux = memory.flux, *const values = memory.values;
  block.for_each(shares, [&](int share) {
    const int first = bins * share / shares, last = bins * (share + 1) / shares;
    for (int b = first; b < last; ++b) weight[b] = flux[b] = 0.0;
    const int begin = share == 0 ? 0 : first_in_bin(curve, first, bins);
    const int end = share == shares - 1 ? curve.count : first_in_bin(curve, last, bins);
    for (int i = begin; i < end; ++i) {
      const double w = inverse_variance(curve.sigma[i]);
      const int b = phase_bin(curve.phase[i], bins);
      weight[b] += w;
      flux[b] += w * curve.flux[i];
    }
    int filled = 0;
    for (int b = first; b < last; ++b) {
      values[b] = HUGE_VAL;
      if (weight[b] == 0.0) continue;
      flux[b] /= weight[b];
      values[b] = flux[b];
      ++filled;
    }
    memory.filled[share] = filled;
  });
  int filled = 0;
  for (int share = 0; share < shares; ++share) filled += memory.filled[share];
  if (filled == 0) return;
  const double level = block.middle(values, bins, filled);
  if (!(level > 0.0) || !std::isfinite(level)) return;

  block.for_each(shares, [&](int share) {
    double depth = 0.0;
    for (int b = bins * share / shares; b < bins * (share + 1) / shares; ++b) {
      values[b] = HUGE_VAL;
      if (weight[b] == 0.0) continue;
      const double deviation = flux[b] / level - 1.0;
      const double sigma = 1.0 / (std::sqrt(weight[b]) * level);
      out[b] = bounded(coarse_flux(deviation));
      out[bins + b] = bounded(fine_flux(deviation, sigma));
      out[2 * bins + b] = bounded(scaled_log_error(sigma));
      out[3 * bins + b] = 1.0f;
      depth = std::max(depth, -deviation - 2.0 * sigma);
      values[b] = sigma;
    }
    memory.depth[share] = depth;
  });
  const double sigma = block.middle(values, bins, filled);
  block.for_each(1, [&](int) {
    double depth = 0.0;
    for (int share = 0; share < shares; ++share) depth = std::max(depth, memory.depth[share]);
    summary[0] = 1.0f;
    summary[1] = static_cast<float>(static_cast<double>(filled) / bins);
    summary[2] = bounded(scaled_log_error(sigma));
    summary[3] = curve.exposure >= 0.0 ? bounded((std::log10(curve.exposure + 1e-5) + 2.5) / 1.5) : 0.0f;
    summary[4] = bounded(depth);
  });
}

// out: [kPointChannels][length] of one channel, zeroed. More points than fit are averaged in groups of neighbours.
template <class Block>
PN_INLINE void pack_points(Block& block, const MeasuredCurve& curve, int length, FeatureMemory& memory, float* out) {
  if (curve.count == 0) return;
  block.for_each(curve.count, [&](int i) { memory.values[i] = curve.flux[i]; });
  const double level = block.middle(memory.values, curve.count, curve.count);
  if (!(level > 0.0)) return;
  const int kept = std::min(curve.count, length);
  block.for_each(kept, [&](int k) {
    double weight = 0.0, flux = 0.0, phase = 0.0;
    const long count = curve.count;
    for (long i = k * count / kept; i < (k + 1) * count / kept; ++i) {
      const double w = inverse_variance(curve.sigma[i]);
      weight += w;
      flux += w * curve.flux[i];
      phase += w * (curve.phase[i] - std::floor(curve.phase[i]));
    }
    out[k] = static_cast<float>(2.0 * phase / weight - 1.0);
    out[length + k] = bounded(coarse_flux(flux / weight / level - 1.0));
    out[2 * length + k] = bounded(scaled_log_error(1.0 / (std::sqrt(weight) * level)));
    out[3 * length + k] = 1.0f;
  });
}

// out: [kSedChannels][kSedBandCount], zeroed. absolute: fluxes are not divided by the level. Returns the scaled level.
template <class Block>
PN_INLINE float pack_sed(Block& block, const Measurements& in, bool absolute, FeatureMemory& memory, float* out) {
  constexpr double kDefaultRelativeError = 0.05;  // the paper, section 2.3
  block.for_each(kSedBandCount, [&](int k) {
    const double flux = in.sed_flux_jy[k], quoted = in.sed_sigma_jy[k];
    const double sigma = quoted > 0.0 && std::isfinite(quoted) ? quoted : kDefaultRelativeError * flux;
    const double seen = std::max(flux, 0.1 * sigma);
    const double log_flux = std::isfinite(flux) && seen > 0.0 ? std::log10(seen) : HUGE_VAL;
    memory.log_flux[k] = memory.values[k] = log_flux;
    if (!std::isfinite(log_flux)) return;
    out[kSedBandCount + k] = bounded(std::log10(sigma / seen) + 2.0);
    out[2 * kSedBandCount + k] = 1.0f;
  });
  int filled = 0;
  for (int k = 0; k < kSedBandCount; ++k) filled += std::isfinite(memory.log_flux[k]) ? 1 : 0;
  if (filled == 0) return 0.0f;
  const double level = block.middle(memory.values, kSedBandCount, filled);
  block.for_each(kSedBandCount, [&](int k) {
    const double log_flux = memory.log_flux[k];
    if (std::isfinite(log_flux)) out[k] = bounded(absolute ? scaled_level(log_flux) : log_flux - level);
  });
  return bounded(scaled_level(level));
}

template <class Block>
PN_INLINE void zero(Block& block, float* values, std::size_t count) {
  block.for_each(static_cast<int>(count), [&](int i) { values[i] = 0.0f; });
}

}  // namespace detail

// shares: of the bins, at most kMaxBinShares; see pack_bins.
template <class Block>
PN_INLINE void pack_row(Block& block, const Measurements& in, const FeatureLayout& layout, int shares,
                        FeatureMemory& memory, const FeatureRow& row) {
  const bool points = layout.points > 0;
  detail::zero(block, row.curves, layout.curve_size());
  detail::zero(block, row.sed, FeatureLayout::sed_size());
  detail::zero(block, row.meta, layout.meta_size());
  if (!points) detail::zero(block, row.summaries, FeatureLayout::summary_size());
  for (int c = 0; c < layout.channels; ++c) {
    float* const curve = row.curves + static_cast<std::size_t>(c) * layout.channel_size();
    if (points) {
      detail::pack_points(block, in.curve[c], layout.points, memory, curve);
    } else {
      detail::pack_bins(block, in.curve[c], layout.phase_bins, shares, memory, curve,
                        row.summaries + c * FeatureLayout::kCurveSummaries);
    }
  }
  const float level = detail::pack_sed(block, in, points, memory, row.sed);
  block.for_each(1, [&](int) {
    if (in.period_day > 0.0 && std::isfinite(in.period_day)) {
      row.meta[0] = detail::bounded(std::log10(in.period_day));
      if (!points) row.meta[4] = 1.0f;
    }
    if (!points) row.meta[5] = level;
    const double sigma = in.parallax_sigma_mas;
    if (std::isfinite(in.parallax_mas) && sigma > 0.0 && std::isfinite(sigma)) {
      row.meta[1] = detail::bounded(std::asinh(in.parallax_mas / 0.2) / 3.0);
      row.meta[2] = detail::bounded(std::log10(sigma) + 1.5);
      row.meta[3] = 1.0f;
    }
  });
}

// What drop_at_random takes away.
struct Dropped {
  Flags curve, band;
  bool parallax;
};
PN_HD inline Dropped draw_dropped(double share, RandomStream& random) {
  Dropped dropped{};
  for (int c = 0; c < kChannelCount; ++c) dropped.curve.set(c, random.uniform() < share);
  for (int k = 0; k < kSedBandCount; ++k) dropped.band.set(k, random.uniform() < share);
  dropped.parallax = random.uniform() < share;
  return dropped;
}

// What the dimensions of a network for binaries are: nn/targets.h.
enum class TargetKind { kLatent, kEclipses, kTheta };
struct TargetView {
  TargetKind kind = TargetKind::kLatent;
  double track_tolerance = 0.0;  // the prior's, for kEclipses
  Theta mean{}, deviation{};     // of kTheta

  PN_HD bool eclipses() const { return kind == TargetKind::kEclipses; }
  // Where the period is known, this dimension carries nothing.
  PN_HD int free_dimension() const { return eclipses() ? kRadius2 : kRsumFrac; }

  PN_HD float target(const PriorDraw& draw, bool period_known, int p) const {
    if (kind == TargetKind::kTheta) return static_cast<float>((draw.theta[p] - mean[p]) / deviation[p]);
    if (!eclipses()) return static_cast<float>(draw.z[p]);
    if (p == kEccentricity || p == kOmega) {
      const auto vector = EccentricityVector::of(draw.theta[kEccentricity], draw.theta[kOmega]);
      return static_cast<float>(p == kEccentricity ? vector.along : vector.across);
    }
    double sum, split;
    if (p == kTeff1 || p == kTeff2) {
      temperatures(draw.z, draw.theta).from_offsets(draw.z[kTeff1], draw.z[kTeff2], sum, split);
      return static_cast<float>(p == kTeff1 ? split : sum);
    }
    if (period_known && (p == kRadius1 || p == kRsumFrac)) {
      duration(draw.z, draw.theta).from_offsets(draw.z[kRadius1], draw.z[kRadius2], sum, split);
      return static_cast<float>(p == kRadius1 ? split : sum);
    }
    return static_cast<float>(draw.z[p]);
  }

  // Of a system of the prior.
  PN_HD RelativePair temperatures(const Latent& z, const Theta& theta) const {
    return temperature_ratio(on_track(z, theta, kTeff1), on_track(z, theta, kTeff2), track_tolerance);
  }
  PN_HD RelativePair duration(const Latent& z, const Theta& theta) const {
    const double sma = (theta[kRadius1] + theta[kRadius2]) / theta[kRsumFrac];
    const double relative = log_relative_duration(z[kCosI], theta[kEccentricity], theta[kOmega]);
    return eclipse_duration(on_track(z, theta, kRadius1), on_track(z, theta, kRadius2), sma, relative, track_tolerance);
  }
  PN_HD double on_track(const Latent& z, const Theta& theta, int p) const {
    return theta[p] / (1.0 + track_tolerance * std::erf(z[p] / kSqrt2));
  }
};

}  // namespace penumbra
