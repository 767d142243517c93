// The light of a whole orbit, as a piecewise cubic in phase that breaks at the contacts.
//
// Each star's full disc is smooth in true anomaly: a trigonometric polynomial through a few phases. What an eclipse
// hides is smooth between contacts: polynomials through Chebyshev-Lobatto points. Both are evaluated on a denser set of
// nodes that cubic Hermite pieces join. The work is a sequence of loops over independent tasks, so that one block of
// device threads and one host thread run the same code. `block.for_each(n, f)` calls f(0) .. f(n - 1) and returns when
// all are done; `block.largest(n, f)` returns the largest of their int values; `block.for_each_group(n, f)` calls
// f(lanes, 0) .. f(lanes, n - 1), each on one group of lanes (lanes.h): a warp, or the host thread's SIMD lanes.
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
  const short* guide;  // the piece that holds the beginning of each of kGuideCells equal parts of the period
};
inline constexpr int kGuideCells = 512;

// Of light that is left behind the dust: the exponential of less is no number once it is diluted by the distance. The
// prior has sightlines through the Galaxy's centre, with E(B-V) in the hundreds.
inline constexpr double kLeastLogIntensity = -600.0;

// Whether every number of the bands can be computed with.
PN_HD inline bool valid_bands(const StarBand* bands, int count) {
  for (int k = 0; k < count; ++k) {
    const StarBand& b = bands[k];
    const double disc = b.limb.disc_integral();
    if (!std::isfinite(b.log_intensity + b.slope_t + b.curve_t + b.slope_g) || !std::isfinite(disc) || disc <= 0.0 ||
        b.log_intensity < kLeastLogIntensity)
      return false;
  }
  return true;
}

// Whether the stages' fixed-size arrays hold what is asked for.
PN_HD inline bool valid_request(int band_count, const Resolution& r) {
  const auto within = [](int value, int low, int high) { return value >= low && value <= high; };
  return within(band_count, 0, kMaxBands) && within(r.azimuths, 4, kMaxAzimuths) &&
         within(r.polar, 2, kMaxGaussPoints) && within(r.lens_radial, 2, kMaxGaussPoints) &&
         within(r.lens_arc, 2, kMaxGaussPoints) && within(r.out_of_eclipse_phases, 8, kMaxSmoothPhases / 2) &&
         within(r.eclipse_phases, 8, 256);
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
PN_HD inline int find_piece(const double* node_phase, int node_count, double x) {
  int low = 0, high = node_count - 1;
  while (high - low > 1) {
    const int middle = (low + high) / 2;
    (node_phase[middle] <= x ? low : high) = middle;
  }
  return low;
}

PN_HD inline short guide_entry(const double* node_phase, int node_count, int cell) {
  return static_cast<short>(
      find_piece(node_phase, node_count, node_phase[0] + static_cast<double>(cell) / kGuideCells));
}

// The same by the guide.
PN_HD inline int find_piece(const PhaseCurveView& curve, double x) {
  const double position = (x - curve.node_phase[0]) * kGuideCells;
  const int cell = position > 0.0 ? (position < kGuideCells ? static_cast<int>(position) : kGuideCells - 1) : 0;
  int n = curve.guide[cell];
  while (n < curve.node_count - 2 && curve.node_phase[n + 1] <= x) ++n;
  return n;
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
  int sample_count;  // of the hidden flux
  // The segment on the other side of mid-eclipse, if this one's samples count from that one's hidden flux; -1: none.
  int mirror;
  int node_count;
  int first_sample = 0, first_node = 0;
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
    const int count = crowding == 0 ? r.out_of_eclipse_phases : with_more(r.out_of_eclipse_phases + 4, crowding);
    return count < kMaxSmoothPhases ? count : kMaxSmoothPhases;
  }
  // Samples and nodes of one side of an eclipse: from outer to inner contact or mid-eclipse, and within an annular
  // eclipse. Samples are odd in number, so that every other one makes the coarser set of the other side.
  PN_HD static int partial_samples(const Resolution& r, int crowding) {
    return odd(with_more(r.eclipse_phases / 2, crowding));
  }
  PN_HD static int shallow_samples(const Resolution& r, int crowding) {
    return odd(with_more(r.eclipse_phases / 2, crowding) * 3 / 4);
  }
  PN_HD static int ring_samples(const Resolution& r, int crowding) { return odd(partial_samples(r, crowding) / 2 + 3); }
  PN_HD static int mirror_samples(int samples) { return (samples + 1) / 2; }
  // A segment's nodes fill whole groups of lanes.
  PN_HD static int partial_nodes(const Resolution& r) { return whole_lanes(2 * r.eclipse_phases); }
  PN_HD static int ring_nodes(const Resolution& r) { return whole_lanes(r.eclipse_phases); }
  PN_HD static int smooth_nodes(const Resolution& r) { return 5 * r.out_of_eclipse_phases; }
  PN_HD static int with_more(int count, int crowding) { return count * (4 + crowding) / 4; }
  PN_HD static int odd(int count) { return count < 4 ? 3 : (count - 1) | 1; }  // at most count, 3 at least

  PN_HD static CurveLayout make(const Resolution& r, int bands) {
    const int nodes = 4 * (partial_nodes(r) + ring_nodes(r)) + smooth_nodes(r) + 2 * (6 + kLanes);
    return {bands, smooth_phases(r, kMostCrowding),
            4 * (partial_samples(r, kMostCrowding) + ring_samples(r, kMostCrowding)), nodes};
  }
  // Doubles of working memory: the samples, and the coefficients that follow from them with the third star's flux.
  PN_HD int sample_size() const { return band_count * (2 * smooth_count + hidden_count); }
  PN_HD int series_size() const { return sample_size() + band_count; }
  // Doubles of the nodes' phases and fluxes.
  PN_HD int curve_size() const { return (1 + band_count) * node_count; }
};

// Working memory of one group of lanes.
inline constexpr int kNodeChunk = 64;
struct NodeWork {
  double cos_u[kNodeChunk], sin_u[kNodeChunk], drift[kNodeChunk];
  double cos_x[kNodeChunk], sin_x[kNodeChunk], cos_mx[kNodeChunk], sin_mx[kNodeChunk];
  double chebyshev_x[kNodeChunk], current[kNodeChunk], last[kNodeChunk];
};
struct GroupWork {
  View view;
  union {
    ShapeWork shape;
    HeatingWork heating;
    EclipseWork eclipse;
    NodeWork nodes;
  };
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

template <class Lanes>
PN_HD double gap_at(const Lanes& lanes, const Binary& binary, double true_anomaly, View& view) {
  look_at(lanes, binary, true_anomaly, view);
  return outer_gap(view.surface[view.eclipsed], view.surface[view.eclipsing()], view.frame[view.eclipsed],
                   view.sky_distance);
}

// How far the smaller disc reaches out of the larger: negative inside it.
template <class Lanes>
PN_HD double protrusion_at(const Lanes& lanes, const Binary& binary, double true_anomaly, int smaller,
                           GroupWork& group) {
  const View& view = group.view;
  look_at(lanes, binary, true_anomaly, group.view);
  EclipseWork& work = group.eclipse;
  const SkyFrame& frame = view.frame[smaller];
  trace_outline(lanes, view.surface[smaller], frame, work.outline[0]);
  trace_outline(lanes, view.surface[1 - smaller], companion_frame(frame), work.outline[1]);
  return find_crossings(lanes, work.outline[0], work.outline[1], view.sky_distance, work.protrusion).largest;
}

// Contacts of the eclipse of star `which`. Every lane finds the same.
template <class Lanes>
PN_INLINE void find_contacts(const Lanes& lanes, CurveWork& work, int which, GroupWork& group) {
  const Binary& binary = work.binary;
  const Orbit& orbit = binary.orbit;
  const auto store = [&](auto& place, auto value) {
    if (lanes.rank() == 0) place = value;
  };
  store(work.eclipse[which], false);
  store(work.inner[which], false);
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
  store(work.middle[which], middle);
  const double radius_sum = binary.star[0].radius + binary.star[1].radius;
  if (distance(middle) > 1.5 * radius_sum) return;
  const auto gap = [&](double nu) { return gap_at(lanes, binary, nu, group.view); };
  const double middle_gap = gap(middle);
  if (middle_gap >= 0.0) return;
  store(work.eclipse[which], true);

  const double tolerance = 1e-10;
  double contact = 0.0;
  for (int side = 0; side < 2; ++side) {
    if (side == 1 && binary.circular()) {
      contact = 2.0 * middle - contact;
    } else {
      const double end = conjunction + (side == 0 ? -0.5 : 0.5) * kPi;
      const double end_gap = gap(end);
      contact = end_gap > 0.0 ? find_root(gap, end, end_gap, middle, middle_gap, tolerance) : end;
    }
    store(work.outer[which][side], contact);
  }
  lanes.sync();

  const int smaller = binary.star[0].radius < binary.star[1].radius ? 0 : 1;
  if (distance(middle) > 1.2 * std::abs(binary.star[0].radius - binary.star[1].radius) + 0.2 * radius_sum) return;
  const auto protrusion = [&](double nu) { return protrusion_at(lanes, binary, nu, smaller, group); };
  const double middle_protrusion = protrusion(middle);
  if (middle_protrusion >= 0.0) return;
  store(work.inner[which], true);
  store(work.inner_total[which], smaller == which);
  for (int side = 0; side < 2; ++side) {
    if (side == 1 && binary.circular()) {
      contact = 2.0 * middle - contact;
    } else {
      const double end = work.outer[which][side];
      const double end_protrusion = 2.0 * binary.star[smaller].radius;  // at the outer contact, nearly
      contact = find_root(protrusion, end, end_protrusion, middle, middle_protrusion, 1e-6 * std::abs(end - middle));
    }
    store(work.inner_at[which][side], contact);
  }
}

// Lays out the segments from the contacts: a serial, cheap step.
class SegmentList {
 public:
  PN_HD SegmentList(CurveWork& work, const Resolution& resolution) : work_(work), resolution_(resolution) {
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
  // Returns its index, -1 for an empty one.
  PN_HD int add(Segment segment) {
    if (!(segment.to > segment.from) || work_.segment_count == kMaxSegments) return -1;
    const Orbit& orbit = work_.binary.orbit;
    segment.near_distance = orbit.aspect(segment.near_at_from ? segment.from : segment.to).sky_distance;
    segment.far_distance = orbit.aspect(segment.near_at_from ? segment.to : segment.from).sky_distance;
    segment.first_sample = work_.sample_count;
    work_.sample_count += segment.sample_count;
    segment.first_node = work_.node_count;
    work_.node_count += segment.node_count;
    work_.segment[work_.segment_count] = segment;
    return work_.segment_count++;
  }

  PN_HD void add_smooth(double from, double to) {
    const int pieces = static_cast<int>(std::ceil(CurveLayout::smooth_nodes(resolution_) * (to - from) / kTwoPi));
    add({Segment::kSmooth, from, to, true, 0, 0, -1, whole_lanes(pieces + 5)});
  }

  // The second of two sides that nearly mirror each other: half the samples tell by how much it differs from the first,
  // `mirror`. On a circular orbit it does not.
  PN_HD void add_mirror(Segment::Kind kind, double from, double to, int which, int samples, int mirror, int nodes) {
    if (mirror >= 0) samples = work_.binary.circular() || samples == 0 ? 0 : CurveLayout::mirror_samples(samples);
    add({kind, from, to, true, which, samples, mirror, nodes});
  }

  PN_HD void add_eclipse(int which, double turn) {
    const double middle = work_.middle[which] + turn;
    const double first = work_.outer[which][0] + turn, last = work_.outer[which][1] + turn;
    const bool inner = work_.inner[which];
    const double second = inner ? work_.inner_at[which][0] + turn : middle;
    const double third = inner ? work_.inner_at[which][1] + turn : middle;

    const int crowding = largest_crowding(first, middle, last);
    const int nodes = CurveLayout::partial_nodes(resolution_), ring_nodes = CurveLayout::ring_nodes(resolution_);
    // An eclipse that stays far from total or annular has no sharp feature at its middle.
    const double r0 = work_.binary.star[0].radius, r1 = work_.binary.star[1].radius;
    const double margin = work_.binary.orbit.aspect(middle).sky_distance - std::abs(r0 - r1);
    const int partial = margin > 0.6 * (r0 < r1 ? r0 : r1) ? CurveLayout::shallow_samples(resolution_, crowding)
                                                           : CurveLayout::partial_samples(resolution_, crowding);
    const int ingress = add({Segment::kPartial, first, second, false, which, partial, -1, nodes});
    if (inner) {
      const bool total = work_.inner_total[which];
      const Segment::Kind kind = total ? Segment::kTotal : Segment::kAnnular;
      const int ring = total ? 0 : CurveLayout::ring_samples(resolution_, crowding);
      const int before = add({kind, second, middle, false, which, ring, -1, ring_nodes});
      add_mirror(kind, middle, third, which, ring, before, ring_nodes);
    }
    add_mirror(Segment::kPartial, third, last, which, partial, ingress, nodes);
  }

  // Of either star at any of an eclipse's true anomalies.
  PN_HD int largest_crowding(double first, double middle, double last) const {
    const Orbit& orbit = work_.binary.orbit;
    const double nearest =
        std::fmin(orbit.separation(middle), std::fmin(orbit.separation(first), orbit.separation(last)));
    return work_.binary.largest_crowding(nearest);
  }

  CurveWork& work_;
  const Resolution& resolution_;
};

// Eclipse segments are parametrised by s in [0, 1], 0 at the near end: projected separation = near + (far - near)
// sin^2(pi s / 2). Near a contact the hidden flux goes as the 3/2 power of the distance from it, and past the centre of
// a nearly central eclipse as its absolute value; in s both are smooth.
PN_HD inline double anomaly_at(const Orbit& orbit, const Segment& segment, double s) {
  const double near = segment.near_at_from ? segment.from : segment.to;
  const double far = segment.near_at_from ? segment.to : segment.from;
  if (s <= 0.0) return near;
  if (s >= 1.0) return far;
  double sine, cosine;
  sine_cosine(0.5 * kPi * s, sine, cosine);
  const double distance = segment.near_distance + (segment.far_distance - segment.near_distance) * sine * sine;
  const auto excess = [&](double nu) { return orbit.aspect(nu).sky_distance - distance; };
  return find_root(excess, near, segment.near_distance - distance, far, segment.far_distance - distance, 1e-10);
}

PN_HD inline double lobatto(int j, int count) {
  double sine, cosine;
  sine_cosine(kPi * j / (count - 1), sine, cosine);
  return 0.5 * (1.0 - cosine);
}

// out[band] = hidden-flux sample j of a segment.
template <class Lanes>
PN_INLINE void sample_hidden_flux(const Lanes& lanes, const CurveWork& work, const Segment& segment, int j,
                                  const Resolution& resolution, const GaussTable& gauss,
                                  const BandIntensity* const* bands, int band_count, GroupWork& group, BandSums out) {
  if (lanes.rank() == 0)
    for (int k = 0; k < band_count; ++k) out[k] = 0.0;
  if (segment.kind != Segment::kPartial || j < segment.sample_count - 1) {  // else the outer contact
    const double nu = anomaly_at(work.binary.orbit, segment, lobatto(j, segment.sample_count));
    const View& view = group.view;
    look_at(lanes, work.binary, nu, group.view);
    const Overlap overlap = add_hidden_flux(lanes, view, resolution, gauss, bands, band_count, group.eclipse, out);
    if (overlap == Overlap::kTotal)
      add_disc_flux(lanes, view, view.eclipsed, resolution, gauss, bands, band_count, group.eclipse, out);
  }
}

// Coefficient i of c[0] + sum_m (c[2m - 1] cos(m x) + c[2m] sin(m x)) through the values at x = 2 pi j / count (count
// even: no last sine), for `rows` rows of `values`.
template <class Lanes>
PN_HD void trigonometric_coefficient(const Lanes& lanes, const double* values, int count, int rows, int i, NodeWork& w,
                                     double* coefficients) {
  const int m = (i + 1) / 2;
  const bool cosine = i % 2 == 1 || i == 0;
  const double scale = (i == 0 || (i == count - 1 && count % 2 == 0)) ? 1.0 / count : 2.0 / count;
  for (int first = 0; first < count; first += kNodeChunk) {
    const int size = count - first < kNodeChunk ? count - first : kNodeChunk;
    lanes.for_each(whole_lanes(size), [&](int j) {
      double s, c;
      sine_cosine(kTwoPi / count * (m * (first + j)), s, c);
      w.current[j] = j < size ? scale * (cosine ? c : s) : 0.0;
    });
    for (int row = 0; row < rows; ++row) {
      const double* v = values + row * count + first;
      const double sum = lanes.sum(whole_lanes(size), [&](int j) { return w.current[j] * v[j < size ? j : size - 1]; });
      if (lanes.rank() == 0) {
        double& c = coefficients[row * count + i];
        c = first == 0 ? sum : c + sum;
      }
    }
  }
}

// Coefficient m of the sum of c[m] T_m(x) through the values at x = cos(pi j / (count - 1)), for `rows` rows. Values
// count from every other one of `mirror`, unless that is null.
template <class Lanes>
PN_INLINE void chebyshev_coefficient(const Lanes& lanes, const double* values, const double* mirror, int count,
                                     int rows, int stride, int m, NodeWork& w, double* coefficients) {
  const double scale = (m == 0 || m == count - 1 ? 1.0 : 2.0) / (count - 1);
  for (int first = 0; first < count; first += kNodeChunk) {
    const int size = count - first < kNodeChunk ? count - first : kNodeChunk;
    lanes.for_each(whole_lanes(size), [&](int j) {
      double s, c;
      sine_cosine(kPi / (count - 1) * (m * (first + j)), s, c);
      const bool end = first + j == 0 || first + j == count - 1;
      w.current[j] = j < size ? scale * c * (end ? 0.5 : 1.0) : 0.0;
    });
    for (int row = 0; row < rows; ++row) {
      const double* v = values + row * stride + first;
      double sum = lanes.sum(whole_lanes(size), [&](int j) { return w.current[j] * v[j < size ? j : size - 1]; });
      if (mirror != nullptr) {
        const double* u = mirror + row * stride + 2 * first;
        sum -= lanes.sum(whole_lanes(size), [&](int j) { return w.current[j] * u[2 * (j < size ? j : size - 1)]; });
      }
      if (lanes.rank() == 0) {
        double& c = coefficients[row * stride + m];
        c = first == 0 ? sum : c + sum;
      }
    }
  }
}

// Sum of c[0] + sum_m (c[2m - 1] cos(m x) + c[2m] sin(m x)) over `count` coefficients.
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

// What the nodes are computed from: coefficients [star][band][smooth_count] and [band][hidden_count], and the third
// star's flux [band].
struct CurveSeries {
  const double* disc;
  int smooth_count;
  const double* third;
  const double* hidden;
  int hidden_count;
};

// Phases and fluxes of one segment's nodes. flux and slope are [band][nodes].
template <class Lanes>
PN_INLINE void fill_nodes(const Lanes& lanes, const CurveWork& work, const Segment& segment, const CurveSeries& series,
                          int band_count, int nodes, NodeWork& w, double* node_phase, double* flux) {
  const Orbit orbit = work.binary.orbit;
  const double light_time = work.binary.light_time;
  const bool smooth_segment = segment.kind == Segment::kSmooth;
  const bool shown[2] = {!(segment.kind == Segment::kTotal && segment.eclipsed == 0),
                         !(segment.kind == Segment::kTotal && segment.eclipsed == 1)};
  const double from = segment.from, to = segment.to;
  const double near = segment.near_distance, inverse_reach = 1.0 / (segment.far_distance - segment.near_distance);
  for (int first = 0; first < segment.node_count; first += kNodeChunk) {
    const int count = segment.node_count - first < kNodeChunk ? segment.node_count - first : kNodeChunk;
    const int node = segment.first_node + first;
    lanes.for_each(count, [&](int i) {
      const double fraction = static_cast<double>(first + i) / (segment.node_count - 1);
      double sine, cosine;
      sine_cosine(0.5 * kPi * fraction, sine, cosine);
      const double along = smooth_segment ? fraction : sine * sine;  // dense at both contacts
      const double nu = fraction < 1.0 ? from + along * (to - from) : to;
      sine_cosine(nu, sine, cosine);
      double sine_u, cosine_u;
      sine_cosine(nu + orbit.omega, sine_u, cosine_u);
      node_phase[node + i] = orbit.phase(nu, sine, cosine, sine_u);
      const double semilatus = 1.0 - orbit.eccentricity * orbit.eccentricity;
      const double separation = semilatus / (1.0 + orbit.eccentricity * cosine);
      // x counts from conjunction, u = nu + omega = pi / 2.
      w.cos_u[i] = sine_u;
      w.sin_u[i] = -cosine_u;
      // Binary::own_anomaly, for a lag of 1
      w.drift[i] = light_time * sine_u * orbit.sin_i * kTwoPi * std::sqrt(semilatus) / separation;
      const double ny = cosine_u * orbit.sin_i;
      double share = (separation * std::sqrt(ny * ny + orbit.cos_i * orbit.cos_i) - near) * inverse_reach;
      share = share > 0.0 ? share : 0.0;
      share = share < 1.0 ? share : 1.0;
      // The inverse of anomaly_at, s = 2 / pi asin(sqrt(share)), as x = 1 - 2 s.
      w.chebyshev_x[i] = 1.0 - 4.0 / kPi * arctangent(std::sqrt(share), std::sqrt(1.0 - share));
      w.current[i] = 1.0;
      w.last[i] = w.chebyshev_x[i];
    });
    for (int k = 0; k < band_count; ++k) {
      const double third = series.third[k];
      lanes.for_each(count, [&](int i) { flux[k * nodes + node + i] = third; });
    }
    // Both discs at once; with light travel time each as it was when its own light left.
    const bool apart = light_time != 0.0;
    for (int pass = 0; pass < (apart ? 2 : 1); ++pass) {
      const auto disc_coefficient = [&](int k, int m) {
        double sum = 0.0;
        for (int star = 0; star < 2; ++star)
          if (shown[star] && (!apart || star == pass))
            sum += series.disc[(star * band_count + k) * series.smooth_count + m];
        return sum;
      };
      const double lag = work.binary.lag(pass);
      lanes.for_each(count, [&](int i) {
        double s, c;
        sine_cosine(lag * w.drift[i], s, c);
        w.cos_x[i] = w.cos_u[i] * c - w.sin_u[i] * s;
        w.sin_x[i] = w.sin_u[i] * c + w.cos_u[i] * s;
        w.cos_mx[i] = 1.0;
        w.sin_mx[i] = 0.0;
      });
      for (int k = 0; k < band_count; ++k) {
        const double mean = disc_coefficient(k, 0);
        lanes.for_each(count, [&](int i) { flux[k * nodes + node + i] += mean; });
      }
      for (int m = 1; m < series.smooth_count; m += 2) {
        lanes.for_each(count, [&](int i) {
          const double next = w.cos_mx[i] * w.cos_x[i] - w.sin_mx[i] * w.sin_x[i];
          w.sin_mx[i] = w.sin_mx[i] * w.cos_x[i] + w.cos_mx[i] * w.sin_x[i];
          w.cos_mx[i] = next;
        });
        for (int k = 0; k < band_count; ++k) {
          const double a = disc_coefficient(k, m), b = m + 1 < series.smooth_count ? disc_coefficient(k, m + 1) : 0.0;
          lanes.for_each(count, [&](int i) { flux[k * nodes + node + i] += a * w.cos_mx[i] + b * w.sin_mx[i]; });
        }
      }
    }
    // Chebyshev polynomials by T_(m+1) = 2 x T_m - T_(m-1), T_(-1) = T_1.
    const Segment* const mirror = segment.mirror < 0 ? nullptr : &work.segment[segment.mirror];
    const int terms = mirror == nullptr ? segment.sample_count : mirror->sample_count;
    for (int m = 0; m < terms; ++m) {
      for (int k = 0; k < band_count; ++k) {
        const double* const coefficient = series.hidden + k * series.hidden_count + m;
        const double own = m < segment.sample_count ? coefficient[segment.first_sample] : 0.0;
        const double c = mirror == nullptr ? own : own + coefficient[mirror->first_sample];
        lanes.for_each(count, [&](int i) { flux[k * nodes + node + i] -= c * w.current[i]; });
      }
      lanes.for_each(count, [&](int i) {
        const double next = 2.0 * w.chebyshev_x[i] * w.current[i] - w.last[i];
        w.last[i] = w.current[i];
        w.current[i] = next;
      });
    }
    for (int k = 0; k < band_count; ++k)
      lanes.for_each(count, [&](int i) { flux[k * nodes + node + i] *= work.binary.flux_scale; });
  }
}

// Slopes at one segment's nodes: the derivative of the cubic through a node and its neighbours in the segment, by
// Newton's divided differences.
template <class Lanes>
PN_HD void fill_slopes(const Lanes& lanes, int count, const double* phase, const double* f, double* slope) {
  const int last_start = count - 4;
  lanes.for_each(count, [&](int node) {
    int n = node - 1;
    n = n > last_start ? last_start : n;
    n = n < 0 ? 0 : n;
    const double x0 = phase[n], x1 = phase[n + 1], x2 = phase[n + 2], x3 = phase[n + 3];
    const double f01 = (f[n + 1] - f[n]) / (x1 - x0), f12 = (f[n + 2] - f[n + 1]) / (x2 - x1),
                 f23 = (f[n + 3] - f[n + 2]) / (x3 - x2);
    const double f012 = (f12 - f01) / (x2 - x0), f123 = (f23 - f12) / (x3 - x1);
    const double f0123 = (f123 - f012) / (x3 - x0);
    const double a = phase[node] - x0, b = phase[node] - x1, c = phase[node] - x2;
    slope[node] = f01 + f012 * (a + b) + f0123 * (a * b + a * c + b * c);
  });
}

}  // namespace detail

// The stars' shapes at every separation. group_work: one of GroupWork a group of lanes. heat_map[2]: memory of heat
// maps; null: none are made.
template <class Block>
PN_INLINE Status build_binary(Block& block, const System& system, const Effects& effects, const GaussTable& gauss,
                              GroupWork* group_work, Binary& binary, HeatMap* heat_map = nullptr) {
  const int worst =
      block.largest(1, [&](int) { return static_cast<int>(make_binary(system, effects, binary, heat_map)); });
  if (worst != static_cast<int>(Status::kOk)) return static_cast<Status>(worst);
  const int shapes = binary.shape_nodes;
  block.for_each_group(2 * shapes, [&](const auto& lanes, int task) {
    binary.fit_shape(lanes, task / shapes, task % shapes, gauss, group_work[lanes.group()].shape);
  });
  const int open =
      block.largest(2 * shapes, [&](int task) { return binary.star[task / shapes].closed[task % shapes] ? 0 : 1; });
  if (open != 0) return Status::kBadGeometry;
  if (effects.reflection != Reflection::kNone)
    block.for_each_group(shapes, [&](const auto& lanes, int node) PN_INLINE_LAMBDA {
      GroupWork& group = group_work[lanes.group()];
      binary.fit_heating(lanes, node, gauss, group.view.surface, group.heating);
    });
  const int unlit = block.largest(2 * shapes, [&](int task) {
    for (int l = 0; l < kBrightnessTerms; ++l)
      if (!std::isfinite(binary.star[task / shapes].brightness[l][task % shapes])) return 1;
    return 0;
  });
  if (unlit != 0) return Status::kBadGeometry;
  if (effects.reflection != Reflection::kNone && heat_map != nullptr)
    block.for_each_group(2 * shapes, [&](const auto& lanes, int task) PN_INLINE_LAMBDA {
      GroupWork& group = group_work[lanes.group()];
      binary.map_heat(lanes, task / shapes, task % shapes, gauss, group.view.surface, group.heating);
    });
  return Status::kOk;
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
                     const double* third_light, const Resolution& resolution, const GaussTable& gauss,
                     GroupWork* group_work, double* memory, double* out) {
  // Two discs and the hidden part of one, at each phase.
  block.for_each_group(kSedParts, [&](const auto& lanes, int task) {
    GroupWork& group = group_work[lanes.group()];
    const View& view = group.view;
    double* part = memory + task * band_count;
    if (lanes.rank() == 0)
      for (int k = 0; k < band_count; ++k) part[k] = 0.0;
    look_at(lanes, binary, binary.orbit.true_anomaly(sed_phase(task / 3)), group.view);
    int star = task % 3;
    if (star == 2) {
      if (add_hidden_flux(lanes, view, resolution, gauss, bands, band_count, group.eclipse, part) != Overlap::kTotal)
        return;
      star = view.eclipsed;
    }
    add_disc_flux(lanes, view, star, resolution, gauss, bands, band_count, group.eclipse, part);
  });
  block.for_each(band_count, [&](int k) {
    double discs = 0.0, hidden = 0.0;
    for (int task = 0; task < kSedParts; ++task) (task % 3 == 2 ? hidden : discs) += memory[task * band_count + k];
    const double third = third_light == nullptr ? 0.0 : third_star_flux(third_light[k], discs);
    out[k] = binary.flux_scale / kSedPhaseCount * (discs - hidden + third);
  });
}

// Builds the curve of work.binary (build_binary), but for the slopes (fill_slopes). series: CurveLayout::series_size()
// doubles of working memory, samples: sample_size(). curve: node_phase, then flux[band], packed by the final node count
// (work.node_count), curve_size() doubles at most; it may be where the samples are, which by then have served.
// bands[star][band]; third_light as in build_sed.
template <class Block>
PN_INLINE void build_phase_curve(Block& block, const BandIntensity* const* bands, int band_count,
                                 const double* third_light, const Resolution& resolution, const GaussTable& gauss,
                                 GroupWork* group_work, CurveWork& work, double* series, double* samples,
                                 double* curve) {
  // Full discs around the orbit, [star][band][phase].
  const int smooth = CurveLayout::smooth_phases(resolution, work.binary.largest_crowding());
  double* const discs = samples;
  double* const hidden = discs + 2 * band_count * smooth;
  double* const disc_series = series;
  double* const third = disc_series + 2 * band_count * smooth;  // the third star's flux, [band]
  double* const hidden_series = third + band_count;
  const double start = 0.5 * kPi - work.binary.orbit.omega;
  const bool circular = work.binary.circular();
  const int distinct = circular ? smooth / 2 + 1 : smooth;  // a circular orbit's curve is even about conjunction
  block.for_each_group(2 * distinct, [&](const auto& lanes, int task) {
    const int star = task / distinct, j = task % distinct;
    GroupWork& group = group_work[lanes.group()];
    double* const row = discs + star * band_count * smooth;
    const BandSums disc(row + j, smooth);
    if (lanes.rank() == 0) {
      const Aspect aspect = work.binary.orbit.aspect(start + kTwoPi * j / smooth);
      group.view.surface[0] = work.binary.surface(star, aspect.separation);
      group.view.frame[0] = star_frame(aspect, star);
      for (int k = 0; k < band_count; ++k) disc[k] = 0.0;
    }
    lanes.sync();
    add_disc_flux(lanes, group.view.surface[0], group.view.frame[0], resolution.azimuths, resolution.polar, gauss,
                  bands[star], band_count, group.eclipse.view, disc);
    if (lanes.rank() == 0 && circular && j > 0)
      for (int k = 0; k < band_count; ++k) row[k * smooth + smooth - j] = disc[k];
  });
  block.for_each_group(smooth, [&](const auto& lanes, int i) {
    detail::trigonometric_coefficient(lanes, discs, smooth, 2 * band_count, i, group_work[lanes.group()].nodes,
                                      disc_series);
  });
  block.for_each(band_count, [&](int k) {
    third[k] = 0.0;
    if (third_light == nullptr || third_light[k] == 0.0) return;
    for (int task = 0; task < 2 * kSedPhaseCount; ++task) {
      const int star = task % 2;
      const double nu = work.binary.own_anomaly(star, work.binary.orbit.true_anomaly(sed_phase(task / 2)));
      double sine, cosine;
      sine_cosine(nu - start, sine, cosine);
      third[k] += detail::trigonometric_sum(disc_series + (star * band_count + k) * smooth, smooth, cosine, sine);
    }
    third[k] = third_star_flux(third_light[k], third[k] / kSedPhaseCount);
  });

  // Contacts, and what is hidden between them, [band][sample].
  block.for_each_group(
      2, [&](const auto& lanes, int which) { detail::find_contacts(lanes, work, which, group_work[lanes.group()]); });
  block.for_each(1, [&](int) { detail::SegmentList(work, resolution).fill(); });
  const int sample_count = work.sample_count;
  const auto segment_of_sample = [&](int sample) {
    int i = 0;
    while (i < work.segment_count - 1 && !work.segment[i].holds_sample(sample)) ++i;
    return i;
  };
  block.for_each_group(sample_count, [&](const auto& lanes, int sample) {
    const Segment& segment = work.segment[segment_of_sample(sample)];
    detail::sample_hidden_flux(lanes, work, segment, sample - segment.first_sample, resolution, gauss, bands,
                               band_count, group_work[lanes.group()], {hidden + sample, sample_count});
  });
  block.for_each_group(sample_count, [&](const auto& lanes, int sample) {
    const Segment& segment = work.segment[segment_of_sample(sample)];
    const double* const mirror = segment.mirror < 0 ? nullptr : hidden + work.segment[segment.mirror].first_sample;
    detail::chebyshev_coefficient(lanes, hidden + segment.first_sample, mirror, segment.sample_count, band_count,
                                  sample_count, sample - segment.first_sample, group_work[lanes.group()].nodes,
                                  hidden_series + segment.first_sample);
  });

  // The curve at the nodes.
  const int nodes = work.node_count;
  block.for_each_group(work.segment_count, [&](const auto& lanes, int i) {
    detail::fill_nodes(lanes, work, work.segment[i], {disc_series, smooth, third, hidden_series, sample_count},
                       band_count, nodes, group_work[lanes.group()].nodes, curve, curve + nodes);
  });
}

// slope[node] of one band's flux[node].
template <class Block>
PN_HD void fill_slopes(Block& block, const CurveWork& work, const double* node_phase, const double* flux,
                       double* slope) {
  block.for_each_group(work.segment_count, [&](const auto& lanes, int i) {
    const Segment& s = work.segment[i];
    detail::fill_slopes(lanes, s.node_count, node_phase + s.first_node, flux + s.first_node, slope + s.first_node);
  });
}

}  // namespace penumbra
