// The flux of a binary by a plain sum over surface elements: the independent reference of the light-curve tests.
//
// It shares the definition of a System and the constants with sim/, and no formula. Elements lie on rings of equal
// steps in colatitude about the rotation axis and have nearly equal areas; each is a flat parallelogram, of which
// straight lines cut what lies beyond the horizon and behind the companion's outline. The error falls as 1 / elements.
#pragma once

#include <array>
#include <functional>
#include <vector>

#include "sim/atmosphere.h"
#include "sim/binary.h"
#include "sim/system.h"
#include "sim/vector3.h"

namespace penumbra {

// How one star shines in one passband.
struct ReferenceBand {
  // Mean disc intensity of a point with temperature T and gravity g, from T / Teff and g R^2 / (G M).
  std::function<double(double, double)> intensity;
  // Emergent intensity over its mean over a disc, from mu.
  std::function<double(double)> limb;
};
using ReferenceBands = std::array<ReferenceBand, 2>;

// What StarBand's expansion stands for (atmosphere.h, surface.h).
ReferenceBand reference_band(const StarBand& band);

// Lengths are in units of the semi-major axis; a star's own frame has x towards the companion and z along the orbit's
// angular momentum.
class ReferenceMesh {
 public:
  // `rings` from pole to pole give (4 / pi) rings^2 elements a star.
  ReferenceMesh(const System& system, const ReferenceBands& bands, int rings);

  // From now on the stars heat each other, to and fro until nothing changes (reflection.h states the equations).
  // Irradiance is summed over meshes of `rings` rings.
  void heat(Reflection scheme, int rings);

  // What heating adds to (T / Teff)^4 of the point of a star in this direction of its frame.
  double heat_at(int which, double separation, const Vector3& direction);

  // Flux at the observer of both stars, in units of intensity times sr.
  double flux(double phase);

  // Projected distance of the centres, and whether the primary is behind.
  struct Sky {
    double distance;
    bool primary_behind;
  };
  Sky sky(double phase) const;

 private:
  struct Cell {
    Vector3 direction, south, east;  // unit vectors
    double solid_angle, half_south, half_east;
  };
  struct Element {
    Vector3 position, normal, south, east;  // half edges
    double area, t4, gravity;
    double brightness;  // negative: not known yet
  };
  struct Star {
    double q, radius, beta, teff;    // q: companion's mass over its own
    double potential, mean_gravity;  // of g^beta, by area
    std::vector<Element> mesh;
    std::vector<double> heat;  // what the companion adds to t4 (heat_grid); empty: nothing
  };
  // The plane of the sky is spanned by X and Y; Z points to the observer.
  struct View {
    double separation;
    Vector3 axis[2][3];  // of each star's frame, on the sky
    Vector3 companion[2];
  };

  static std::vector<Cell> make_cells(int rings);
  // Roche potential and its gradient.
  struct Field {
    double potential;
    Vector3 gravity;
  };
  static Field field_at(const Star& star, double separation, const Vector3& p);
  static double surface_radius(const Star& star, double separation, const Vector3& direction, double start);
  static double fit_mean_radius(Star& star, double separation, double potential);
  static void fit_shape(Star& star, double separation);
  static Element make_element(const Star& star, double separation, const Cell& cell, double start);
  View view(double phase) const;
  void set_separation(double separation);
  void fill(const Star& star, const std::vector<Cell>& cells, std::vector<Element>& mesh) const;
  // Points of a quarter of a star: equal steps of the angle from the line of centres and of the turn about it.
  struct Irradiance {
    std::vector<double> direct;  // by the companion's own light at each point
    std::vector<double> back;    // [point][element of the companion], for each unit of heat that it sends back
  };
  int heat_angles() const { return 2 * heating_rings_; }
  int heat_turns() const { return heating_rings_ / 4; }
  Irradiance irradiance(int which, const std::vector<Element>& companion) const;
  void exchange_heat();
  double heat_at(const Star& star, const Vector3& direction) const;
  std::vector<double> outline(int which, const View& view) const;
  double disc(int which, const View& view, const std::vector<double>& companion_outline);

  System system_;
  ReferenceBands bands_;
  Reflection reflection_ = Reflection::kNone;
  int heating_rings_ = 0;
  std::vector<Cell> cells_, heating_cells_;
  std::array<Star, 2> stars_;
  double separation_ = 0.0;
};

// The limit of meshes of `rings` / 2 and `rings` rings.
class ReferenceFlux {
 public:
  ReferenceFlux(const System& system, const ReferenceBands& bands, int rings)
      : coarse_(system, bands, rings / 2), fine_(system, bands, rings) {}
  void heat(Reflection scheme, int rings) {
    coarse_.heat(scheme, rings / 2);
    fine_.heat(scheme, rings);
  }
  double operator()(double phase) {
    const double fine = fine_.flux(phase);
    return fine + (fine - coarse_.flux(phase)) / 3.0;
  }
  ReferenceMesh::Sky sky(double phase) const { return fine_.sky(phase); }

 private:
  ReferenceMesh coarse_, fine_;
};

}  // namespace penumbra
