#include "tests/sim/reference_mesh.h"

#include <algorithm>
#include <cmath>

namespace penumbra {
namespace {

// z = value + a x + b y with x and y uniform in [-1, 1]: the probability of z > 0, and the mean of max(z, 0).
struct Cut {
  double share, mean;
};

Cut cut(double value, double a, double b) {
  a = std::abs(a);
  b = std::abs(b);
  if (value >= a + b) return {1.0, value};
  if (value <= -a - b) return {0.0, 0.0};
  const double floor = 1e-3 * (a + b);  // the formula divides by both
  a = std::max(a, floor);
  b = std::max(b, floor);
  double squares = 0.0, cubes = 0.0;
  for (const double sign_a : {1.0, -1.0}) {
    for (const double sign_b : {1.0, -1.0}) {
      const double z = std::max(0.0, value + sign_a * a + sign_b * b);
      squares += sign_a * sign_b * z * z;
      cubes += sign_a * sign_b * z * z * z;
    }
  }
  return {std::clamp(squares / (8.0 * a * b), 0.0, 1.0), cubes / (24.0 * a * b)};
}

double length(const Vector3& v) { return std::sqrt(dot(v, v)); }

constexpr int kOutlineAzimuths = 128;

}  // namespace

ReferenceBand reference_band(const StarBand& band) {
  return {[band](double t, double g) {
            const double xi = 1.0 - 1.0 / t;
            return std::exp(band.log_intensity + xi * band.slope_t + 0.5 * xi * xi * (band.slope_t + band.curve_t) +
                            band.slope_g * std::log(g));
          },
          [limb = band.limb, mean = band.limb.disc_integral()](double mu) { return limb(mu) / mean; }};
}

ReferenceMesh::ReferenceMesh(const System& system, const ReferenceBands& bands, int rings)
    : system_(system), bands_(bands), cells_(make_cells(rings)) {
  for (std::size_t k = 0; k < 2; ++k) {
    const penumbra::Star& own = system.star[k];
    stars_[k] = {k == 0 ? system.q : 1.0 / system.q,
                 own.radius_rsun / system.sma_rsun,
                 own.gravity_darkening,
                 own.teff_k,
                 0.0,
                 0.0,
                 {},
                 {}};
  }
}

void ReferenceMesh::heat(Reflection scheme, int rings) {
  reflection_ = scheme;
  heating_rings_ = rings;
  heating_cells_ = make_cells(rings);
  separation_ = 0.0;
}

std::vector<ReferenceMesh::Cell> ReferenceMesh::make_cells(int rings) {
  std::vector<Cell> cells;
  const double step = kPi / rings;
  for (int i = 0; i < rings; ++i) {
    const double colatitude = (i + 0.5) * step;
    const double c = std::cos(colatitude), s = std::sin(colatitude);
    const int count = std::max(4, static_cast<int>(std::lround(2.0 * rings * s)));
    const double turn = kTwoPi / count;
    for (int j = 0; j < count; ++j) {
      const double longitude = (j + 0.618 * i) * turn;  // the rings' cells do not line up
      const double cl = std::cos(longitude), sl = std::sin(longitude);
      cells.push_back({{s * cl, s * sl, c},
                       {c * cl, c * sl, -s},
                       {-sl, cl, 0.0},
                       turn * (std::cos(i * step) - std::cos((i + 1) * step)),
                       0.5 * step,
                       0.5 * turn * s});
    }
  }
  return cells;
}

// Wilson (1979, ApJ 234, 1054), F = 1.
ReferenceMesh::Field ReferenceMesh::field_at(const Star& star, double separation, const Vector3& p) {
  const double q = star.q, tide = q / (separation * separation);
  const Vector3 from_companion{p.x - separation, p.y, p.z}, from_axis{p.x, p.y, 0.0};
  const double r = length(p), c = length(from_companion);
  return {1.0 / r + q / c - tide * p.x + 0.5 * (1.0 + q) * dot(from_axis, from_axis),
          (-1.0 / (r * r * r)) * p + (-q / (c * c * c)) * from_companion + Vector3{-tide, 0.0, 0.0} +
              (1.0 + q) * from_axis};
}

// Newton's method: along a ray out to the surface the potential falls and bends upwards, so that it converges from
// below.
double ReferenceMesh::surface_radius(const Star& star, double separation, const Vector3& direction, double start) {
  double r = start;
  for (int i = 0; i < 60; ++i) {
    const Field field = field_at(star, separation, r * direction);
    const double step = (star.potential - field.potential) / dot(field.gravity, direction);
    r = std::max(0.5 * star.radius, r + step);
    if (std::abs(step) < 1e-8 * r) break;  // the error left is about its square
  }
  return r;
}

// The volume-equivalent radius of an equipotential; sets the star's potential and mean gravity. Simpson's rule in
// the angle from the line of centres, in which the tip of a star that nearly fills its lobe is no cusp; midpoints in
// the quarter turn about it.
double ReferenceMesh::fit_mean_radius(Star& star, double separation, double potential) {
  constexpr int kSteps = 160, kTurns = 8;
  star.potential = potential;
  double volume = 0.0, area = 0.0, gravity_area = 0.0;
  for (int j = 0; j < kTurns; ++j) {
    const double turn = 0.5 * kPi * (j + 0.5) / kTurns;
    double r = 0.8 * star.radius;
    for (int i = 0; i <= kSteps; ++i) {
      const double angle = kPi * i / kSteps, across = std::sin(angle);
      const double weight = (i % 2 == 1 ? 4.0 : 2.0) * across;  // 0 at both ends
      const Vector3 direction{std::cos(angle), across * std::cos(turn), across * std::sin(turn)};
      r = surface_radius(star, separation, direction, 0.9 * r);
      const Vector3 gravity = field_at(star, separation, r * direction).gravity;
      const double g = length(gravity);
      const double element = weight * r * r * g / -dot(gravity, direction);
      volume += weight * r * r * r;
      area += element;
      gravity_area += element * std::pow(g * star.radius * star.radius, star.beta);
    }
  }
  star.mean_gravity = gravity_area / area;
  return std::cbrt(0.5 * kPi * volume / (3.0 * kSteps * kTurns));
}

// Regula falsi (Illinois) on the radius, between the potential of the inner Lagrange point and one of a star of less
// than this volume.
void ReferenceMesh::fit_shape(Star& star, double separation) {
  double low = 0.0, high = separation;
  for (int i = 0; i < 60; ++i) {
    const double x = 0.5 * (low + high);
    (field_at(star, separation, {x, 0.0, 0.0}).gravity.x > 0.0 ? high : low) = x;
  }
  double a = field_at(star, separation, {low * (1.0 - 1e-6), 0.0, 0.0}).potential;
  double b = 1.0 / (0.8 * star.radius) + 1.5 * star.q / separation + star.q;
  double fa = fit_mean_radius(star, separation, a) - star.radius,
         fb = fit_mean_radius(star, separation, b) - star.radius;
  for (int i = 0; i < 60; ++i) {
    const double x = (a * fb - b * fa) / (fb - fa);
    const double fx = fit_mean_radius(star, separation, x) - star.radius;
    if (std::abs(fx) < 1e-11 * star.radius) return;
    if ((fx > 0.0) == (fb > 0.0)) {
      fa *= 0.5;
    } else {
      a = b;
      fa = fb;
    }
    b = x;
    fb = fx;
  }
}

ReferenceMesh::Element ReferenceMesh::make_element(const Star& star, double separation, const Cell& cell,
                                                   double start) {
  const double r = surface_radius(star, separation, cell.direction, start);
  Element e{};
  e.position = r * cell.direction;
  const Vector3 gravity = field_at(star, separation, e.position).gravity;
  const double g = length(gravity);
  e.normal = (-1.0 / g) * gravity;
  const double lean = dot(e.normal, cell.direction);
  // A step along a unit vector at right angles to the ray, continued along the ray to stay on the surface.
  const auto edge = [&](const Vector3& unit, double half) {
    return half * r * (unit + (-dot(e.normal, unit) / lean) * cell.direction);
  };
  e.south = edge(cell.south, cell.half_south);
  e.east = edge(cell.east, cell.half_east);
  e.area = r * r * cell.solid_angle / lean;
  e.gravity = g * star.radius * star.radius;
  e.t4 = std::pow(e.gravity, star.beta) / star.mean_gravity;
  e.brightness = -1.0;
  return e;
}

// Kepler's equation by bisection and Newton's method.
ReferenceMesh::View ReferenceMesh::view(double phase) const {
  const double e = system_.eccentricity, omega = system_.omega_rad;
  const double at_conjunction = 0.5 * kPi - omega;
  const auto eccentric_anomaly = [&](double true_anomaly) {
    return std::atan2(std::sqrt(1.0 - e * e) * std::sin(true_anomaly), e + std::cos(true_anomaly));
  };
  const double anomaly_0 = eccentric_anomaly(at_conjunction);
  const double mean = std::remainder(kTwoPi * phase + anomaly_0 - e * std::sin(anomaly_0), kTwoPi);
  double low = mean - e - 1e-9, high = mean + e + 1e-9;
  for (int i = 0; i < 12; ++i) {
    const double middle = 0.5 * (low + high);
    (middle - e * std::sin(middle) > mean ? high : low) = middle;
  }
  double anomaly = 0.5 * (low + high);
  for (int i = 0; i < 6; ++i) anomaly -= (anomaly - e * std::sin(anomaly) - mean) / (1.0 - e * std::cos(anomaly));

  const double separation = 1.0 - e * std::cos(anomaly);
  const double true_anomaly = std::atan2(std::sqrt(1.0 - e * e) * std::sin(anomaly), std::cos(anomaly) - e);
  const double c = std::cos(true_anomaly + omega), s = std::sin(true_anomaly + omega);
  const double ci = system_.cos_i, si = std::sqrt(1.0 - ci * ci);
  // The secondary is seen from the primary at angle nu + omega from the node; nearest to the observer at pi / 2.
  const Vector3 radial{c, s * ci, s * si}, forward{-s, c * ci, c * si}, pole{0.0, -si, ci};
  const Vector3 back = -1.0 * radial, backward = -1.0 * forward;
  return {separation, {{radial, forward, pole}, {back, backward, pole}}, {separation * radial, separation * back}};
}

ReferenceMesh::Sky ReferenceMesh::sky(double phase) const {
  const Vector3 to_secondary = view(phase).companion[0];
  return {std::hypot(to_secondary.x, to_secondary.y), to_secondary.z > 0.0};
}

void ReferenceMesh::set_separation(double separation) {
  if (std::abs(separation - separation_) < 1e-12) return;
  separation_ = separation;
  for (Star& star : stars_) {
    fit_shape(star, separation);
    fill(star, cells_, star.mesh);
  }
  if (reflection_ == Reflection::kNone) return;
  exchange_heat();
  for (Star& star : stars_)
    for (Element& e : star.mesh) e.t4 += heat_at(star, e.position);
}

void ReferenceMesh::fill(const Star& star, const std::vector<Cell>& cells, std::vector<Element>& mesh) const {
  const bool again = mesh.size() == cells.size();  // at another separation, which makes a good start
  mesh.resize(cells.size());
  for (std::size_t i = 0; i < cells.size(); ++i)
    mesh[i] = make_element(star, separation_, cells[i], again ? length(mesh[i].position) : 0.8 * star.radius);
}

// An element with flux F sends F law(mu) / pi into each steradian; law is 1 where it obeys Lambert's.
ReferenceMesh::Irradiance ReferenceMesh::irradiance(int which, const std::vector<Element>& companion) const {
  const std::size_t own = static_cast<std::size_t>(which), other = 1 - own;
  const Star& star = stars_[own];
  const double scale = system_.star[own].albedo * std::pow(stars_[other].teff / star.teff, 4) / kPi;
  const double u = system_.star[other].bolometric_limb_darkening;
  const double u_back = reflection_ == Reflection::kWilson ? u : 0.0;
  const auto law = [](double limb, double mu) { return (1.0 - limb * (1.0 - mu)) / (1.0 - limb / 3.0); };
  Irradiance result;
  const int angles = heat_angles(), turns = heat_turns();
  for (int i = 0; i <= angles; ++i) {
    const double angle = kPi * i / angles;
    double r = 0.8 * star.radius;
    for (int j = 0; j <= turns; ++j) {
      const double turn = 0.5 * kPi * j / turns;
      const Vector3 direction{std::cos(angle), std::sin(angle) * std::cos(turn), std::sin(angle) * std::sin(turn)};
      r = surface_radius(star, separation_, direction, 0.98 * r);
      // In the companion's frame, which is turned by pi about z.
      const Vector3 gravity = field_at(star, separation_, r * direction).gravity;
      const Vector3 p{separation_ - r * direction.x, -r * direction.y, r * direction.z};
      const Vector3 normal = (-1.0 / length(gravity)) * Vector3{-gravity.x, -gravity.y, gravity.z};
      double direct = 0.0;
      for (const Element& e : companion) {
        const Vector3 ray = p + (-1.0) * e.position;
        const double curvature = 1.0 / length(e.position);  // as in disc()
        const Cut leaving = cut(dot(ray, e.normal), curvature * dot(ray, e.south), curvature * dot(ray, e.east));
        const Cut arriving = cut(-dot(ray, normal), dot(e.south, normal), dot(e.east, normal));
        double back = 0.0;
        if (leaving.share > 0.0 && arriving.share > 0.0) {
          const double d2 = dot(ray, ray), mu = leaving.mean / leaving.share / std::sqrt(d2);
          const double seen = scale * e.area * leaving.mean * arriving.mean / (d2 * d2);
          direct += seen * e.t4 * law(u, mu);
          back = seen * law(u_back, mu);
        }
        result.back.push_back(back);
      }
      result.direct.push_back(direct);
    }
  }
  return result;
}

// Fills both stars' heat: Gauss and Seidel's iteration.
void ReferenceMesh::exchange_heat() {
  std::vector<Element> elements[2];
  for (std::size_t k = 0; k < 2; ++k) fill(stars_[k], heating_cells_, elements[k]);
  const Irradiance irradiances[2] = {irradiance(0, elements[1]), irradiance(1, elements[0])};
  for (std::size_t k = 0; k < 2; ++k) stars_[k].heat = irradiances[k].direct;
  for (double change = 1.0; change > 1e-9;) {
    change = 0.0;
    for (std::size_t k = 0; k < 2; ++k) {
      const Star& other = stars_[1 - k];
      std::vector<double> sent_back;
      for (const Element& e : elements[1 - k]) sent_back.push_back(heat_at(other, e.position));
      std::vector<double>& heat = stars_[k].heat;
      for (std::size_t p = 0; p < heat.size(); ++p) {
        const double* row = irradiances[k].back.data() + p * sent_back.size();
        double sum = irradiances[k].direct[p];
        for (std::size_t i = 0; i < sent_back.size(); ++i) sum += row[i] * sent_back[i];
        change = std::max(change, std::abs(sum - heat[p]) / (1.0 + sum));
        heat[p] = sum;
      }
    }
  }
}

double ReferenceMesh::heat_at(int which, double separation, const Vector3& direction) {
  set_separation(separation);
  return heat_at(stars_[static_cast<std::size_t>(which)], direction);
}

// Linear between the grid's points.
double ReferenceMesh::heat_at(const Star& star, const Vector3& direction) const {
  const int angles = heat_angles(), turns = heat_turns();
  const double across = std::hypot(direction.y, direction.z);
  const double angle = std::atan2(across, direction.x) * angles / kPi;
  const double turn = std::atan2(std::abs(direction.z), std::abs(direction.y)) * turns / (0.5 * kPi);
  const int i = std::min(angles - 1, static_cast<int>(angle)), j = std::min(turns - 1, static_cast<int>(turn));
  const double* corner = star.heat.data() + i * (turns + 1) + j;
  const double t = angle - i, u = turn - j;
  return (1.0 - t) * ((1.0 - u) * corner[0] + u * corner[1]) +
         t * ((1.0 - u) * corner[turns + 1] + u * corner[turns + 2]);
}

// Radius of the star's outline about its centre in equal steps of azimuth on the sky: in each half-plane through the
// line of sight, the largest distance of the surface from that line, by golden section.
std::vector<double> ReferenceMesh::outline(int which, const View& view) const {
  const Star& star = stars_[static_cast<std::size_t>(which)];
  const Vector3* axis = view.axis[which];
  const Vector3 sight{axis[0].z, axis[1].z, axis[2].z};
  std::vector<double> radius;
  double start = 0.8 * star.radius;
  for (int j = 0; j < kOutlineAzimuths; ++j) {
    const double azimuth = kTwoPi * j / kOutlineAzimuths;
    const Vector3 on_sky{std::cos(azimuth), std::sin(azimuth), 0.0};
    const Vector3 out{dot(on_sky, axis[0]), dot(on_sky, axis[1]), dot(on_sky, axis[2])};
    const auto reach = [&](double angle) {
      const double r =
          surface_radius(star, view.separation, std::cos(angle) * sight + std::sin(angle) * out, 0.9 * start);
      start = r;
      return r * std::sin(angle);
    };
    constexpr double kGolden = 0.6180339887498949;
    double low = 0.5 * kPi - 0.7, high = 0.5 * kPi + 0.7;
    double x1 = high - kGolden * (high - low), x2 = low + kGolden * (high - low);
    double f1 = reach(x1), f2 = reach(x2);
    for (int i = 0; i < 28; ++i) {
      if (f1 > f2) {
        high = x2, x2 = x1, f2 = f1;
        x1 = high - kGolden * (high - low), f1 = reach(x1);
      } else {
        low = x1, x1 = x2, f1 = f2;
        x2 = low + kGolden * (high - low), f2 = reach(x2);
      }
    }
    radius.push_back(std::max(f1, f2));
  }
  return radius;
}

double ReferenceMesh::disc(int which, const View& view, const std::vector<double>& companion_outline) {
  const ReferenceBand& band = bands_[static_cast<std::size_t>(which)];
  Star& star = stars_[static_cast<std::size_t>(which)];
  const Vector3* axis = view.axis[which];
  const Vector3 sight{axis[0].z, axis[1].z, axis[2].z}, right{axis[0].x, axis[1].x, axis[2].x},
      up{axis[0].y, axis[1].y, axis[2].y};
  const Vector3 companion = view.companion[which];
  double nearest = 0.0, farthest = 0.0;
  if (!companion_outline.empty()) {
    const auto [least, most] = std::minmax_element(companion_outline.begin(), companion_outline.end());
    nearest = *least;
    farthest = *most;
  }
  double sum = 0.0;
  for (Element& e : star.mesh) {
    // How mu changes over an element: as on the sphere through it about the star's centre.
    const double curvature = 1.0 / length(e.position);
    const Cut lit = cut(dot(e.normal, sight), curvature * dot(e.south, sight), curvature * dot(e.east, sight));
    if (lit.share == 0.0) continue;
    double seen = 1.0;
    if (!companion_outline.empty()) {
      const double x = dot(e.position, right) - companion.x, y = dot(e.position, up) - companion.y;
      const double distance = std::hypot(x, y);
      const double south_x = dot(e.south, right), south_y = dot(e.south, up);
      const double east_x = dot(e.east, right), east_y = dot(e.east, up);
      const double extent = std::abs(south_x) + std::abs(south_y) + std::abs(east_x) + std::abs(east_y);
      if (distance < nearest - extent) continue;
      if (distance < farthest + extent && distance > 0.0) {
        // Four-point interpolation of the outline and its derivative.
        double at = std::atan2(y, x) / kTwoPi * kOutlineAzimuths;
        if (at < 0.0) at += kOutlineAzimuths;
        const int j = static_cast<int>(at);
        const double t = at - j;
        double f[4];
        for (int m = 0; m < 4; ++m)
          f[m] = companion_outline[static_cast<std::size_t>((j + m - 1 + kOutlineAzimuths) % kOutlineAzimuths)];
        const double c1 = -f[0] / 3.0 - 0.5 * f[1] + f[2] - f[3] / 6.0, c2 = 0.5 * (f[0] + f[2]) - f[1],
                     c3 = (f[3] - f[0]) / 6.0 + 0.5 * (f[1] - f[2]);
        const double radius = f[1] + t * (c1 + t * (c2 + t * c3));
        const double slope = (c1 + t * (2.0 * c2 + 3.0 * t * c3)) * kOutlineAzimuths / kTwoPi;
        const double cx = x / distance, cy = y / distance;
        const double south_aside = cx * south_y - cy * south_x, east_aside = cx * east_y - cy * east_x;
        const double tilt = slope / distance;
        // The last term is the mean sagitta of the circle about the companion's centre.
        seen = cut(distance - radius + (south_aside * south_aside + east_aside * east_aside) / (6.0 * distance),
                   cx * south_x + cy * south_y - tilt * south_aside, cx * east_x + cy * east_y - tilt * east_aside)
                   .share;
        if (seen == 0.0) continue;
      }
    }
    if (e.brightness < 0.0) e.brightness = band.intensity(std::sqrt(std::sqrt(e.t4)), e.gravity);
    sum += e.area * seen * lit.mean * e.brightness * band.limb(lit.mean / lit.share);
  }
  return sum;
}

double ReferenceMesh::flux(double phase) {
  const View at = view(phase);
  set_separation(at.separation);
  const bool near = std::hypot(at.companion[0].x, at.companion[0].y) < 1.5 * (stars_[0].radius + stars_[1].radius);
  double sum = 0.0;
  for (int which = 0; which < 2; ++which) {
    const bool behind = at.companion[which].z > 0.0;
    sum += disc(which, at, behind && near ? outline(1 - which, at) : std::vector<double>{});
  }
  const double scale = system_.sma_rsun * kRsun / (system_.distance_pc * kParsec);
  return scale * scale * sum;
}

}  // namespace penumbra
