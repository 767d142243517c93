// The light of a whole orbit, as a piecewise cubic in phase that breaks at the contacts.
//
// Each star's full disc is smooth in true anomaly: a trigonometric polynomial through a few phases. What an eclipse
// hides is smooth between contacts: polynomials through Chebyshev-Lobatto points. Both are evaluated on a denser set of
// nodes that cubic Hermite pieces join. The work is a sequence of loops over independent tasks, so that one block of
// device threads and one host thread run the same code: `block.for_each(n, f)` calls f(0) .. f(n - 1) and returns when
// all are done; `block.largest(n, f)` returns the largest of their int values.
#pragma once

#include <cmath>

#include "base/host_device.h"
#include "sim/binary.h"

namespace penumbra {

// A view of one orbit's curve. Nodes ascend over one period; where a segment begins, its first node repeats the phase
// of the last segment's end. flux and slope (d flux / d phase) are [band][node].
struct PhaseCurveView {
  int node_count, band_count;
  const double* node_phase;
  const double* flux;
  const double* slope;
};

// Whether every number of the bands can be computed with.
PN_HD inline bool valid_bands(const StarBand* bands, int count) {
  for (int k = 0; k < count; ++k) {
    const StarBand& b = bands[k];
    const double disc = b.limb.disc_integral();
    if (!std::isfinite(b.log_intensity + b.slope_t + b.curve_t + b.slope_g) || !std::isfinite(disc) || disc <= 0.0)
      return false;
  }
  return true;
}

// Whether the stages' fixed-size arrays hold what is asked for.
PN_HD inline bool valid_request(int band_count, const Resolution& r) {
  const auto within = [](int value, int low, int high) { return value >= low && value <= high; };
  return within(band_count, 0, kMaxBands) && within(r.azimuths, 4, 1024) && within(r.polar, 2, kMaxGaussPoints) &&
         within(r.lens_radial, 2, kMaxGaussPoints) && within(r.lens_arc, 2, kMaxGaussPoints) &&
         within(r.out_of_eclipse_phases, 8, kMaxSmoothPhases / 2) && within(r.eclipse_phases, 8, 256);
}

namespace detail {

// Value of the cubic Hermite piece [n, n + 1] at phase x.
PN_HD inline double hermite(const double* phase, const double* flux, const double* slope, int n, double x) {
  const double width = phase[n + 1] - phase[n];
  const double t = (x - phase[n]) / width;
  const double u = 1.0 - t;
  return u * u * (flux[n] * (1.0 + 2.0 * t) + width * slope[n] * t) +
         t * t * (flux[n + 1] * (1.0 + 2.0 * u) - width * slope[n + 1] * u);
}

// The piece that holds x: the last n < node_count - 1 with node_phase[n] <= x.
PN_HD inline int find_piece(const PhaseCurveView& curve, double x) {
  int low = 0, high = curve.node_count - 1;
  while (high - low > 1) {
    const int middle = (low + high) / 2;
    (curve.node_phase[middle] <= x ? low : high) = middle;
  }
  return low;
}

}  // namespace detail

PN_HD inline bool valid_exposure(double exposure) { return exposure >= 0.0 && exposure <= 1.0; }

// Flux of a band at `phase`, averaged exactly over an exposure of `exposure` periods centred there, 0 to 1.
PN_HD inline double phase_curve_flux(const PhaseCurveView& curve, int band, double phase, double exposure) {
  const double* node = curve.node_phase;
  const double* flux = curve.flux + band * curve.node_count;
  const double* slope = curve.slope + band * curve.node_count;
  const double from = phase - 0.5 * exposure;
  double x = from - std::floor(from - node[0]);
  if (x >= node[curve.node_count - 1]) x = node[0];
  int n = detail::find_piece(curve, x);
  if (!(exposure > 0.0)) return detail::hermite(node, flux, slope, n, x);
  // Piece by piece with the two-point Gauss rule, which is exact for a cubic.
  double left = exposure, sum = 0.0;
  while (left > 0.0) {
    if (n == curve.node_count - 1) {
      n = 0;
      x = node[0];
    }
    const double width = node[n + 1] - x < left ? node[n + 1] - x : left;
    if (node[n + 1] > node[n]) {
      constexpr double kGauss = 0.21132486540518711775;
      sum += 0.5 * width *
             (detail::hermite(node, flux, slope, n, x + kGauss * width) +
              detail::hermite(node, flux, slope, n, x + (1.0 - kGauss) * width));
    }
    left -= width;
    x = node[++n];
  }
  return sum / exposure;
}

// One stretch of the curve.
struct Segment {
  enum Kind : int { kSmooth, kPartial, kAnnular, kTotal };
  Kind kind;
  double from, to;    // true anomaly, ascending
  bool near_at_from;  // eclipses: which end has the smaller projected separation
  int eclipsed;
  int first_sample, sample_count;  // of the hidden flux
  int node_count, first_node = 0;
  double near_distance = 0.0, far_distance = 0.0;  // projected separations at the ends

  PN_HD bool holds_sample(int sample) const { return sample >= first_sample && sample < first_sample + sample_count; }
  PN_HD bool holds_node(int node) const { return node >= first_node && node < first_node + node_count; }
};

inline constexpr int kMaxSegments = 12;  // two eclipses of up to five stretches, and two between

// How many of everything there are, at most, for a resolution and a number of bands.
struct CurveLayout {
  int band_count, smooth_count, hidden_count, node_count;

  // Phases round the orbit of the full discs.
  PN_HD static int smooth_phases(const Resolution& r, int crowding) {
    return with_more(r.out_of_eclipse_phases, crowding);
  }
  // Samples and nodes of one side of an eclipse: from outer to inner contact or mid-eclipse, and within an annular
  // eclipse.
  PN_HD static int partial_samples(const Resolution& r, int crowding) {
    return with_more(r.eclipse_phases / 2, crowding);
  }
  PN_HD static int ring_samples(const Resolution& r, int crowding) { return partial_samples(r, crowding) / 2 + 3; }
  PN_HD static int partial_nodes(const Resolution& r) { return 2 * r.eclipse_phases; }
  PN_HD static int ring_nodes(const Resolution& r) { return r.eclipse_phases; }
  PN_HD static int smooth_nodes(const Resolution& r) { return 5 * r.out_of_eclipse_phases; }
  PN_HD static int with_more(int count, int crowding) { return count * (4 + crowding) / 4; }

  PN_HD static CurveLayout make(const Resolution& r, int bands) {
    const int nodes = 4 * (partial_nodes(r) + ring_nodes(r)) + smooth_nodes(r) + 2 * 6;
    return {bands, smooth_phases(r, kMostCrowding),
            4 * (partial_samples(r, kMostCrowding) + ring_samples(r, kMostCrowding)), nodes};
  }
  // Doubles of working memory.
  PN_HD int work_size() const { return band_count * (2 * smooth_count + 1 + hidden_count); }
  // Doubles of the finished curve.
  PN_HD int curve_size() const { return (1 + 2 * band_count) * node_count; }
};

// Everything that the tasks of one curve share.
struct CurveWork {
  Binary binary;
  int segment_count, sample_count, node_count;
  Segment segment[kMaxSegments];
  // Contacts of the eclipses of either star: [star][ingress, egress].
  bool eclipse[2], inner[2], inner_total[2];
  double middle[2], outer[2][2], inner_at[2][2];
};

namespace detail {

// Root of f between a and b, where it changes sign: regula falsi, Illinois variant.
template <class Function>
PN_HD double find_root(const Function& f, double a, double fa, double b, double fb, double tolerance) {
  double x = b;
  for (int iteration = 0; iteration < 60; ++iteration) {
    x = (a * fb - b * fa) / (fb - fa);
    if (!(x > std::fmin(a, b) && x < std::fmax(a, b))) x = 0.5 * (a + b);
    const double fx = f(x);
    if (fx == 0.0) break;
    if ((fx > 0.0) == (fb > 0.0)) {
      fa *= 0.5;
    } else {
      a = b;
      fa = fb;
    }
    const double moved = std::abs(x - b);
    b = x;
    fb = fx;
    if (std::abs(b - a) < tolerance || moved < 0.1 * tolerance) break;
  }
  return x;
}

PN_HD inline double gap_at(const Binary& binary, double true_anomaly) {
  const View view = view_at(binary, true_anomaly);
  return outer_gap(view.surface[view.eclipsed], view.surface[view.eclipsing()], view.frame[view.eclipsed],
                   view.sky_distance);
}

// How far the smaller disc reaches out of the larger: negative inside it.
PN_HD inline double protrusion_at(const Binary& binary, double true_anomaly, int smaller) {
  const View view = view_at(binary, true_anomaly);
  const SkyFrame& frame = view.frame[smaller];
  const Outline a = trace_outline(view.surface[smaller], frame);
  const Outline b = trace_outline(view.surface[1 - smaller], companion_frame(frame));
  return find_crossings(a, b, view.sky_distance).largest;
}

// Contacts of the eclipse of star `which`.
PN_HD inline void find_contacts(CurveWork& work, int which) {
  const Binary& binary = work.binary;
  const Orbit& orbit = binary.orbit;
  work.eclipse[which] = work.inner[which] = false;
  const double conjunction = (which == 0 ? 0.5 : 1.5) * kPi - orbit.omega;
  const auto distance = [&](double nu) { return orbit.aspect(nu).sky_distance; };

  // Least projected separation in the half orbit in which this star is behind: a scan, then golden section.
  constexpr int kScan = 24;
  double best = conjunction, least = distance(conjunction);
  for (int i = 1; i < kScan; ++i) {
    const double nu = conjunction + kPi * (static_cast<double>(i) / kScan - 0.5);
    const double d = distance(nu);
    if (d < least) {
      least = d;
      best = nu;
    }
  }
  double low = best - kPi / kScan, high = best + kPi / kScan;
  constexpr double kGolden = 0.61803398874989484820;
  double x1 = high - kGolden * (high - low), x2 = low + kGolden * (high - low);
  double d1 = distance(x1), d2 = distance(x2);
  for (int i = 0; i < 40; ++i) {
    if (d1 < d2) {
      high = x2, x2 = x1, d2 = d1;
      x1 = high - kGolden * (high - low), d1 = distance(x1);
    } else {
      low = x1, x1 = x2, d1 = d2;
      x2 = low + kGolden * (high - low), d2 = distance(x2);
    }
  }
  double middle = 0.5 * (low + high);
  if (distance(conjunction) <= distance(middle)) middle = conjunction;  // exactly, where the orbit is a circle
  work.middle[which] = middle;
  const double radius_sum = binary.star[0].radius + binary.star[1].radius;
  if (distance(middle) > 1.5 * radius_sum) return;
  const double middle_gap = gap_at(binary, middle);
  if (middle_gap >= 0.0) return;
  work.eclipse[which] = true;

  const auto gap = [&](double nu) { return gap_at(binary, nu); };
  const double tolerance = 1e-10;
  for (int side = 0; side < 2; ++side) {
    if (side == 1 && binary.circular()) {
      work.outer[which][1] = 2.0 * middle - work.outer[which][0];
      break;
    }
    const double end = conjunction + (side == 0 ? -0.5 : 0.5) * kPi;
    const double end_gap = gap(end);
    work.outer[which][side] = end_gap > 0.0 ? find_root(gap, end, end_gap, middle, middle_gap, tolerance) : end;
  }

  const int smaller = binary.star[0].radius < binary.star[1].radius ? 0 : 1;
  if (distance(middle) > 1.2 * std::abs(binary.star[0].radius - binary.star[1].radius) + 0.2 * radius_sum) return;
  const auto protrusion = [&](double nu) { return protrusion_at(binary, nu, smaller); };
  const double middle_protrusion = protrusion(middle);
  if (middle_protrusion >= 0.0) return;
  work.inner[which] = true;
  work.inner_total[which] = smaller == which;
  for (int side = 0; side < 2; ++side) {
    if (side == 1 && binary.circular()) {
      work.inner_at[which][1] = 2.0 * middle - work.inner_at[which][0];
      break;
    }
    const double end = work.outer[which][side];
    const double end_protrusion = 2.0 * binary.star[smaller].radius;  // at the outer contact, nearly
    work.inner_at[which][side] =
        find_root(protrusion, end, end_protrusion, middle, middle_protrusion, 1e-6 * std::abs(end - middle));
  }
}

// Lays out the segments from the contacts: a serial, cheap step.
class SegmentList {
 public:
  PN_HD SegmentList(CurveWork& work, const Resolution& resolution)
      : work_(work), resolution_(resolution), crowding_(work.binary.largest_crowding()) {
    work.segment_count = work.sample_count = work.node_count = 0;
  }

  // From the first eclipse's first contact, once round.
  PN_HD void fill() {
    const int lead = work_.eclipse[0] ? 0 : 1;
    if (!work_.eclipse[lead]) {
      const double start = 0.5 * kPi - work_.binary.orbit.omega;
      add_smooth(start, start + kTwoPi);
      return;
    }
    const double start = work_.outer[lead][0];
    add_eclipse(lead, 0.0);
    double reached = work_.outer[lead][1];
    if (lead == 0 && work_.eclipse[1]) {
      const double turn = work_.outer[1][0] < start ? kTwoPi : 0.0;
      add_smooth(reached, work_.outer[1][0] + turn);
      add_eclipse(1, turn);
      reached = work_.outer[1][1] + turn;
    }
    add_smooth(reached, start + kTwoPi);
  }

 private:
  PN_HD void add(Segment segment) {
    if (!(segment.to > segment.from) || work_.segment_count == kMaxSegments) return;
    const Orbit& orbit = work_.binary.orbit;
    segment.near_distance = orbit.aspect(segment.near_at_from ? segment.from : segment.to).sky_distance;
    segment.far_distance = orbit.aspect(segment.near_at_from ? segment.to : segment.from).sky_distance;
    segment.first_node = work_.node_count;
    work_.node_count += segment.node_count;
    work_.segment[work_.segment_count++] = segment;
  }

  PN_HD void add_smooth(double from, double to) {
    const int pieces = static_cast<int>(std::ceil(CurveLayout::smooth_nodes(resolution_) * (to - from) / kTwoPi));
    add({Segment::kSmooth, from, to, true, 0, 0, 0, pieces + 5});
  }

  PN_HD int take_samples(int count) {
    const int first = work_.sample_count;
    work_.sample_count += count;
    return first;
  }

  PN_HD void add_eclipse(int which, double turn) {
    const double middle = work_.middle[which] + turn;
    const double first = work_.outer[which][0] + turn, last = work_.outer[which][1] + turn;
    const bool inner = work_.inner[which], circular = work_.binary.circular();
    const double second = inner ? work_.inner_at[which][0] + turn : middle;
    const double third = inner ? work_.inner_at[which][1] + turn : middle;

    // The two sides of a circular orbit's eclipse mirror each other and share samples.
    const int most = CurveLayout::partial_samples(resolution_, crowding_),
              nodes = CurveLayout::partial_nodes(resolution_);
    // An eclipse that stays far from total or annular has no sharp feature at its middle.
    const double r0 = work_.binary.star[0].radius, r1 = work_.binary.star[1].radius;
    const double margin = work_.binary.orbit.aspect(middle).sky_distance - std::abs(r0 - r1);
    const int partial = margin > 0.6 * (r0 < r1 ? r0 : r1) ? most * 3 / 4 : most;
    const int ingress = take_samples(partial), egress = circular ? ingress : take_samples(partial);
    add({Segment::kPartial, first, second, false, which, ingress, partial, nodes});
    if (inner) {
      const bool total = work_.inner_total[which];
      const Segment::Kind kind = total ? Segment::kTotal : Segment::kAnnular;
      const int ring = total ? 0 : CurveLayout::ring_samples(resolution_, crowding_);
      const int before = take_samples(ring), after = circular ? before : take_samples(ring);
      add({kind, second, middle, false, which, before, ring, CurveLayout::ring_nodes(resolution_)});
      add({kind, middle, third, true, which, after, ring, CurveLayout::ring_nodes(resolution_)});
    }
    add({Segment::kPartial, third, last, true, which, egress, partial, nodes});
  }

  CurveWork& work_;
  const Resolution& resolution_;
  const int crowding_;
};

// Eclipse segments are parametrised by s in [0, 1], 0 at the near end: projected separation = near + (far - near)
// sin^2(pi s / 2). Near a contact the hidden flux goes as the 3/2 power of the distance from it, and past the centre of
// a nearly central eclipse as its absolute value; in s both are smooth.
PN_HD inline double anomaly_at(const Orbit& orbit, const Segment& segment, double s) {
  const double near = segment.near_at_from ? segment.from : segment.to;
  const double far = segment.near_at_from ? segment.to : segment.from;
  if (s <= 0.0) return near;
  if (s >= 1.0) return far;
  const double sine = std::sin(0.5 * kPi * s);
  const double distance = segment.near_distance + (segment.far_distance - segment.near_distance) * sine * sine;
  const auto excess = [&](double nu) { return orbit.aspect(nu).sky_distance - distance; };
  return find_root(excess, near, segment.near_distance - distance, far, segment.far_distance - distance, 1e-13);
}

// The inverse of anomaly_at.
PN_HD inline double parameter_at(const Orbit& orbit, const Segment& segment, double true_anomaly) {
  const double share = (orbit.aspect(true_anomaly).sky_distance - segment.near_distance) /
                       (segment.far_distance - segment.near_distance);
  return std::asin(std::sqrt(std::fmin(1.0, std::fmax(0.0, share)))) * (2.0 / kPi);
}

PN_HD inline double lobatto(int j, int count) { return 0.5 * (1.0 - std::cos(kPi * j / (count - 1))); }

// Hidden-flux sample j of a segment: bands [band][sample].
PN_HD inline void sample_hidden_flux(const CurveWork& work, const Segment& segment, int j, const Resolution& resolution,
                                     const GaussTable& gauss, const BandIntensity* const* bands, int band_count,
                                     double* out) {
  for (int k = 0; k < band_count; ++k) out[k] = 0.0;
  if (segment.kind == Segment::kPartial && j == segment.sample_count - 1) return;  // outer contact
  const double nu = anomaly_at(work.binary.orbit, segment, lobatto(j, segment.sample_count));
  const View view = view_at(work.binary, nu);
  const Overlap overlap = add_hidden_flux(view, resolution, gauss, bands, band_count, out);
  if (overlap == Overlap::kTotal) {
    add_disc_flux(view.surface[view.eclipsed], view.frame[view.eclipsed], resolution.azimuths, resolution.polar, gauss,
                  bands[view.eclipsed], band_count, out);
  }
}

// Sum of c[0] + sum_m (c[2m - 1] cos(m x) + c[2m] sin(m x)) over `count` coefficients (count even: no last sine).
PN_HD inline double trigonometric_sum(const double* c, int count, double cos_x, double sin_x) {
  double sum = c[0], cm = 1.0, sm = 0.0;
  for (int i = 1; i < count; i += 2) {
    const double next = cm * cos_x - sm * sin_x;
    sm = sm * cos_x + cm * sin_x;
    cm = next;
    sum += c[i] * cm;
    if (i + 1 < count) sum += c[i + 1] * sm;
  }
  return sum;
}

// In place: values at x = 2 pi j / count -> coefficients of trigonometric_sum.
PN_HD inline void trigonometric_coefficients(double* values, int count) {
  double c[kMaxSmoothPhases];
  for (int i = 0; i < count; ++i) {
    const int m = (i + 1) / 2;
    const double scale = (i == 0 || (i == count - 1 && count % 2 == 0)) ? 1.0 / count : 2.0 / count;
    double sum = 0.0;
    for (int j = 0; j < count; ++j) {
      const double angle = kTwoPi * ((m * j) % count) / count;
      sum += values[j] * (i % 2 == 1 || i == 0 ? std::cos(angle) : std::sin(angle));
    }
    c[i] = scale * sum;
  }
  for (int i = 0; i < count; ++i) values[i] = c[i];
}

}  // namespace detail

// The stars' shapes at every separation.
template <class Block>
PN_HD Status build_binary(Block& block, const System& system, const Effects& effects, const GaussTable& gauss,
                          Binary& binary) {
  int worst = block.largest(1, [&](int) { return static_cast<int>(make_binary(system, effects, binary)); });
  if (worst != static_cast<int>(Status::kOk)) return static_cast<Status>(worst);
  const int shapes = binary.shape_nodes;
  worst = block.largest(
      2 * shapes, [&](int task) { return static_cast<int>(binary.fit_shape(task / shapes, task % shapes, gauss)); });
  if (worst == static_cast<int>(Status::kOk) && effects.reflection != Reflection::kNone)
    block.for_each(shapes, [&](int node) { binary.fit_heating(node, gauss); });
  return static_cast<Status>(worst);
}

// Flux of a third star that gives `share` of the light of all three, `stars` being that of the other two.
PN_HD inline double third_star_flux(double share, double stars) { return share / (1.0 - share) * stars; }

PN_HD inline bool valid_third_light(const double* third_light, int band_count) {
  if (third_light == nullptr) return true;
  for (int k = 0; k < band_count; ++k)
    if (!(third_light[k] >= 0.0 && third_light[k] < 1.0)) return false;
  return true;
}

// out[band] = mean flux over the SED's phases. memory: kSedParts * band_count doubles. third_light[band]: share of a
// third star in the light of all three whole discs; null: none.
inline constexpr int kSedParts = 3 * kSedPhaseCount;
template <class Block>
PN_HD void build_sed(Block& block, const Binary& binary, const BandIntensity* const* bands, int band_count,
                     const double* third_light, const Resolution& resolution, const GaussTable& gauss, double* memory,
                     double* out) {
  // Two discs and the hidden part of one, at each phase.
  block.for_each(kSedParts, [&](int task) {
    double* part = memory + task * band_count;
    for (int k = 0; k < band_count; ++k) part[k] = 0.0;
    const View view = view_at(binary, binary.orbit.true_anomaly(sed_phase(task / 3)));
    int star = task % 3;
    if (star == 2) {
      if (add_hidden_flux(view, resolution, gauss, bands, band_count, part) != Overlap::kTotal) return;
      star = view.eclipsed;
    }
    add_disc_flux(view.surface[star], view.frame[star], resolution.azimuths, resolution.polar, gauss, bands[star],
                  band_count, part);
  });
  block.for_each(band_count, [&](int k) {
    double discs = 0.0, hidden = 0.0;
    for (int task = 0; task < kSedParts; ++task) (task % 3 == 2 ? hidden : discs) += memory[task * band_count + k];
    const double third = third_light == nullptr ? 0.0 : third_star_flux(third_light[k], discs);
    out[k] = binary.flux_scale / kSedPhaseCount * (discs - hidden + third);
  });
}

// Builds the curve of one system. work: CurveLayout::work_size() doubles; curve: node_phase, flux, slope of
// CurveLayout::node_count entries a band, packed by the final node count (work.node_count), curve_size() doubles in
// all. bands[star][band]; third_light as in build_sed.
template <class Block>
PN_HD Status build_phase_curve(Block& block, const System& system, const BandIntensity* const* bands, int band_count,
                               const double* third_light, const Resolution& resolution, const Effects& effects,
                               const GaussTable& gauss, CurveWork& work, double* memory, double* curve) {
  const Status status = build_binary(block, system, effects, gauss, work.binary);
  if (status != Status::kOk) return status;

  // Full discs around the orbit, [star][band][phase].
  const int smooth = CurveLayout::smooth_phases(resolution, work.binary.largest_crowding());
  double* discs = memory;
  double* third = memory + 2 * band_count * smooth;  // the third star's flux, [band]
  double* hidden = third + band_count;
  const double start = 0.5 * kPi - work.binary.orbit.omega;
  const bool circular = work.binary.circular();
  const int distinct = circular ? smooth / 2 + 1 : smooth;  // a circular orbit's curve is even about conjunction
  block.for_each(2 * distinct, [&](int task) {
    const int star = task / distinct, j = task % distinct;
    const Aspect aspect = work.binary.orbit.aspect(start + kTwoPi * j / smooth);
    double flux[kMaxBands] = {};
    add_disc_flux(work.binary.surface(star, aspect.separation), star_frame(aspect, star), resolution.azimuths,
                  resolution.polar, gauss, bands[star], band_count, flux);
    for (int k = 0; k < band_count; ++k) {
      double* row = discs + (star * band_count + k) * smooth;
      row[j] = flux[k];
      if (circular && j > 0) row[smooth - j] = flux[k];
    }
  });
  block.for_each(2 * band_count, [&](int row) { detail::trigonometric_coefficients(discs + row * smooth, smooth); });
  block.for_each(band_count, [&](int k) {
    third[k] = 0.0;
    if (third_light == nullptr || third_light[k] == 0.0) return;
    for (int task = 0; task < 2 * kSedPhaseCount; ++task) {
      const int star = task % 2;
      const double nu = work.binary.own_anomaly(star, work.binary.orbit.true_anomaly(sed_phase(task / 2)));
      third[k] += detail::trigonometric_sum(discs + (star * band_count + k) * smooth, smooth, std::cos(nu - start),
                                            std::sin(nu - start));
    }
    third[k] = third_star_flux(third_light[k], third[k] / kSedPhaseCount);
  });

  // Contacts, and what is hidden between them, [sample][band].
  block.for_each(2, [&](int which) { detail::find_contacts(work, which); });
  block.for_each(1, [&](int) { detail::SegmentList(work, resolution).fill(); });
  block.for_each(work.sample_count, [&](int sample) {
    int i = 0;
    while (i < work.segment_count - 1 && !work.segment[i].holds_sample(sample)) ++i;
    const Segment& segment = work.segment[i];
    detail::sample_hidden_flux(work, segment, sample - segment.first_sample, resolution, gauss, bands, band_count,
                               hidden + sample * band_count);
  });

  // Fluxes at the nodes.
  const int nodes = work.node_count;
  double* node_phase = curve;
  double* flux = curve + nodes;
  double* slope = flux + band_count * nodes;
  block.for_each(nodes, [&](int node) {
    int i = 0;
    while (!work.segment[i].holds_node(node)) ++i;
    const Segment& segment = work.segment[i];
    const Orbit& orbit = work.binary.orbit;
    const double fraction = static_cast<double>(node - segment.first_node) / (segment.node_count - 1);
    const double sine = std::sin(0.5 * kPi * fraction);
    const double along = segment.kind == Segment::kSmooth ? fraction : sine * sine;  // dense at both contacts
    const double nu = fraction < 1.0 ? segment.from + along * (segment.to - segment.from) : segment.to;
    node_phase[node] = orbit.phase(nu);
    double cos_x[2], sin_x[2];
    for (int star = 0; star < 2; ++star) {
      const double x = work.binary.own_anomaly(star, nu) - start;
      cos_x[star] = std::cos(x);
      sin_x[star] = std::sin(x);
    }
    const bool total = segment.kind == Segment::kTotal;
    for (int k = 0; k < band_count; ++k) {
      double sum = third[k];
      for (int star = 0; star < 2; ++star) {
        if (total && star == segment.eclipsed) continue;
        sum += detail::trigonometric_sum(discs + (star * band_count + k) * smooth, smooth, cos_x[star], sin_x[star]);
      }
      flux[k * nodes + node] = sum;
    }
    if (segment.sample_count > 0) {
      // Barycentric interpolation in s at Chebyshev-Lobatto points.
      const double s = detail::parameter_at(orbit, segment, nu);
      double sum_weight = 0.0, sum[kMaxBands] = {};
      const int count = segment.sample_count;
      for (int j = 0; j < count; ++j) {
        double difference = s - detail::lobatto(j, count);
        if (difference == 0.0) difference = 1e-100;
        const double weight = (j % 2 == 0 ? 1.0 : -1.0) * (j == 0 || j == count - 1 ? 0.5 : 1.0) / difference;
        sum_weight += weight;
        for (int k = 0; k < band_count; ++k) sum[k] += weight * hidden[(segment.first_sample + j) * band_count + k];
      }
      for (int k = 0; k < band_count; ++k) flux[k * nodes + node] -= sum[k] / sum_weight;
    }
    for (int k = 0; k < band_count; ++k) flux[k * nodes + node] *= work.binary.flux_scale;
  });

  // Slopes: the derivative of the cubic through a node and its neighbours in the same segment.
  block.for_each(nodes, [&](int node) {
    int i = 0;
    while (!work.segment[i].holds_node(node)) ++i;
    const Segment& segment = work.segment[i];
    int first = node - 1;
    const int last_start = segment.first_node + segment.node_count - 4;
    if (first > last_start) first = last_start;
    if (first < segment.first_node) first = segment.first_node;
    const double* x = node_phase + first;
    const int at = node - first;
    // Lagrange derivative weights at x[at].
    double weight[4], own = 0.0;
    for (int j = 0; j < 4; ++j) {
      if (j == at) continue;
      double numerator = 1.0, denominator = x[j] - x[at];
      for (int l = 0; l < 4; ++l) {
        if (l == j || l == at) continue;
        numerator *= x[at] - x[l];
        denominator *= x[j] - x[l];
      }
      weight[j] = numerator / denominator;
      own += 1.0 / (x[at] - x[j]);
    }
    weight[at] = own;
    for (int k = 0; k < band_count; ++k) {
      const double* f = flux + k * nodes + first;
      slope[k * nodes + node] = weight[0] * f[0] + weight[1] * f[1] + weight[2] * f[2] + weight[3] * f[3];
    }
  });
  return Status::kOk;
}

}  // namespace penumbra
